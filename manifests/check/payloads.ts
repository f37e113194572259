import { PlinthError } from "../wire/error.ts";
import { explain, type Validator } from "./explain.ts";

let compiled: Readonly<Record<string, Validator>> | null = null;

/** Load the compiled payload validators; they are only needed once something crosses a tier. */
export async function loadPayloads(): Promise<void> {
  compiled ??= ((await import("../generated/payloads.js")) as unknown as { payloads: Record<string, Validator> }).payloads;
}

/** A payload that crosses a tier must fit its contract. Contracts of third parties are bounded, not checked. */
export function checkPayload(
  owner: string,
  contract: { readonly id: string; readonly key: string; readonly checked: boolean },
  method: string,
  direction: "in" | "out",
  value: unknown,
): PlinthError | null {
  return check(owner, `${contract.key}#${method}:${direction}`, `${contract.id}.${method}`, contract.checked, value);
}

export function checkHookPayload(owner: string, hook: string, value: unknown): PlinthError | null {
  return check(owner, `hook#${hook}`, `the hook ${hook}`, true, value);
}

function check(owner: string, key: string, what: string, checked: boolean, value: unknown): PlinthError | null {
  const validate = checked ? compiled?.[key] : undefined;
  if (validate === undefined || validate(value)) return null;
  const { path, message } = explain((validate.errors ?? []) as Parameters<typeof explain>[0], value);
  return new PlinthError("PLINTH_PAYLOAD", `${owner} sent something that does not fit ${what}: ${path || "/"}: ${message}.`, {
    extension: owner,
    next: "Report it to the author of the extension.",
  });
}
