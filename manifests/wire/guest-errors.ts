import { visible } from "../plain-text.ts";
import { errorData, isPlinthError, PlinthError } from "./error.ts";
import type { WireError } from "./protocol.ts";

/** Of one guest; those told longest ago are forgotten first. */
const MOST_TOLD = 64;
const FAILED = "PLINTH_EXTENSION_FAILED";
/** What the SDK on the guest's side says of the guest. They accuse nobody else, and nothing acts on them. */
const OF_ITSELF: ReadonlySet<string> = new Set(["PLINTH_UNDECLARED", "PLINTH_NOT_PROVIDED", "PLINTH_PAYLOAD", "PLINTH_UNSUPPORTED"]);
const REPORT = "Report it to the author of the extension.";

/** Beside what an error counts as, what it claimed to be, until the contract says whether it may. */
interface Claim {
  readonly claimed: string;
}

/**
 * Errors as a guest may raise them: always its own, in visible text of one line. Of the product's codes and next steps it
 * has those that the host told it before, which it passes on, and a few that only accuse itself; others count as
 * PLINTH_EXTENSION_FAILED.
 */
export class GuestErrors {
  readonly #guest: string;
  /** Next steps by their code. */
  readonly #told = new Map<string, Set<string>>();

  constructor(guest: string) {
    this.#guest = guest;
  }

  /** The host sends it this error. */
  told({ code, next }: WireError): void {
    const steps = this.#told.get(code) ?? new Set();
    if (next !== undefined && steps.size < MOST_TOLD) steps.add(next);
    this.#told.delete(code);
    this.#told.set(code, steps);
    if (this.#told.size > MOST_TOLD) this.#told.delete(this.#told.keys().next().value as string);
  }

  /** The guest sends this one. */
  revive(data: WireError): PlinthError {
    const { code, message, next = "", extension: _, ...retry } = errorData(data);
    const steps = this.#told.get(code);
    const options = { extension: this.#guest, next: steps?.has(next) ? next : REPORT, details: { claimed: code, ...retry } satisfies Claim };
    return new PlinthError(steps === undefined && !OF_ITSELF.has(code) ? FAILED : code, visible(message), options);
  }
}

/** Raised by a guest, not by the host about it; by its shape, since each bundle has classes of its own. */
export const isGuestError = (thrown: unknown): thrown is PlinthError & { details: Claim } =>
  isPlinthError(thrown) && typeof (thrown.details as Partial<Claim> | null | undefined)?.claimed === "string";

/** What a call of a contract failed with: a guest's error has the code it claims where the contract knows that as one of its own. */
export function inContract(thrown: unknown, { errors }: { readonly errors?: readonly string[] | undefined }): unknown {
  if (!isGuestError(thrown) || !errors?.includes(thrown.details.claimed)) return thrown;
  const { message, extension, next, details } = thrown;
  return new PlinthError(details.claimed, message, { extension, next, details });
}

/** The same for what a stream fails with. */
export async function* streamInContract(items: AsyncIterable<unknown>, contract: Parameters<typeof inContract>[1]): AsyncGenerator<unknown> {
  try {
    yield* items;
  } catch (thrown) {
    throw inContract(thrown, contract);
  }
}
