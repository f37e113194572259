export interface PlinthErrorOptions {
  /** The extension that owns the failure. */
  extension?: string | undefined;
  /** What to do next, a sentence for people. */
  next?: string | undefined;
  cause?: unknown;
  /** More for machines; stays on this side of a tier, but for `retryable` and `retryAfterMs`. */
  details?: unknown;
}

/** An error people can act on: a code, who owns it, a sentence, the next step. It crosses tiers as data. */
export class PlinthError extends Error {
  readonly code: string;
  readonly extension: string | undefined;
  readonly next: string | undefined;
  readonly details: unknown;

  constructor(code: string, message: string, options: PlinthErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PlinthError";
    this.code = code;
    this.extension = options.extension;
    this.next = options.next;
    this.details = options.details;
  }
}

export interface ErrorData {
  code: string;
  message: string;
  extension?: string;
  next?: string;
  /** Asking again may help. */
  retryable?: boolean;
  retryAfterMs?: number;
}

/** By its shape: each bundle (kernel, extensions, guests) has a class of its own. */
export const isPlinthError = (thrown: unknown): thrown is PlinthError =>
  thrown instanceof Error && typeof (thrown as { code?: unknown }).code === "string" && CODE.test((thrown as unknown as { code: string }).code);

/** Longest wait that an error may name: a day. */
const MAX_WAIT_MS = 86_400_000;

/** What an error says of asking again, as bounded data; {} where it says nothing. */
export function retryOf(said: unknown): Pick<ErrorData, "retryable" | "retryAfterMs"> {
  if (typeof said !== "object" || said === null) return {};
  const { retryable, retryAfterMs } = said as Record<string, unknown>;
  return {
    ...(typeof retryable === "boolean" ? { retryable } : {}),
    ...(typeof retryAfterMs === "number" && retryAfterMs >= 0 ? { retryAfterMs: Math.min(Math.round(retryAfterMs), MAX_WAIT_MS) } : {}),
  };
}

const CODE = /^PLINTH_[A-Z0-9_]{1,64}$/;
const MAX_TEXT = 4_000;
const clip = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);

/** What a disk says when it takes nothing more, as Node and SQLite (its result codes 8 and 13) tell it. */
const DISK: readonly [is: RegExp, code: string, next: string][] = [
  [/^(ENOSPC|EDQUOT|SQLITE_13)$/, "PLINTH_DISK_FULL", "Make room on the disk that holds the home folder, then try again."],
  [/^(EROFS|SQLITE_8)$/, "PLINTH_DISK_READ_ONLY", "Let the home folder be written, or name another one in PLINTH_HOME."],
];

/** The code and next step of a fault that is the machine's, and nobody's extension. */
function diskFault({ code, errcode }: Record<string, unknown>): { code: string; next: string } | undefined {
  const said = code === "ERR_SQLITE_ERROR" && typeof errcode === "number" ? `SQLITE_${errcode % 256}` : String(code);
  const found = DISK.find(([is]) => is.test(said));
  return found === undefined ? undefined : { code: found[1], next: found[2] };
}

/** Whatever was thrown, as bounded data. Reads nothing but own or class fields of known names, once, inside try. */
export function errorData(thrown: unknown, owner?: string): ErrorData {
  try {
    if (typeof thrown === "object" && thrown !== null) {
      const { code, message, extension, next, details } = thrown as Record<string, unknown>;
      const known = typeof code === "string" && CODE.test(code);
      const disk = known ? undefined : diskFault(thrown as Record<string, unknown>);
      const data: ErrorData = {
        code: known ? code : (disk?.code ?? "PLINTH_EXTENSION_FAILED"),
        message: typeof message === "string" ? clip(message) : "It failed without a message.",
      };
      const by = typeof extension === "string" ? clip(extension) : owner;
      if (by !== undefined) data.extension = by;
      if (typeof next === "string") data.next = clip(next);
      else if (disk !== undefined) data.next = disk.next;
      else if (data.code === "PLINTH_EXTENSION_FAILED" && by !== undefined) data.next = "Report it to the author of the extension.";
      return Object.assign(data, retryOf(thrown), retryOf(details));
    }
    return { code: "PLINTH_EXTENSION_FAILED", message: clip(String(thrown)), ...(owner ? { extension: owner } : {}) };
  } catch {
    return { code: "PLINTH_EXTENSION_FAILED", message: "It threw something that cannot be read.", ...(owner ? { extension: owner } : {}) };
  }
}

/** The thrown value as a PlinthError with an owner; errors that have one already keep it. */
export function owned(thrown: unknown, owner: string): PlinthError {
  if (isPlinthError(thrown) && thrown.extension !== undefined) return thrown;
  const { code, message, extension, next } = errorData(thrown, owner);
  const details = (thrown as { details?: unknown } | null)?.details;
  return new PlinthError(code, message, { extension, next, cause: thrown, ...(details === undefined ? {} : { details }) });
}
