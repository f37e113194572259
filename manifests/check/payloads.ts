import { createRequire } from "node:module";
import { productContracts } from "../plan/contracts.ts";
import { PlinthError } from "../wire/error.ts";
import { explain, type ValidationError, type Validator } from "./explain.ts";

type Validators = Readonly<Record<string, Validator>>;

// Required and not imported: what is checked does not wait, and nothing passes while its validators are on their way.
const load = createRequire(import.meta.url);
const loaded = new Map<string, Validators>();
/** The key of the contract that each hook of the product belongs to; of several majors the newest. */
const owners = new Map([...productContracts].reverse().flatMap(([key, { hooks }]) => Object.keys(hooks).map((hook) => [hook, key])));

/**
 * A payload that crosses a tier must fit its contract. The validators of a contract are loaded when its first payload is checked;
 * what cannot be checked is refused. Contracts of third parties are checked elsewhere, by their own schemas.
 */
export function checkPayload(
  owner: string,
  contract: { readonly id: string; readonly key: string; readonly checked: boolean },
  method: string,
  direction: "in" | "out",
  value: unknown,
): PlinthError | null {
  return contract.checked ? check(owner, contract.key, `${method}:${direction}`, value, () => `${contract.id}.${method}`) : null;
}

/** The same for what a subscriber answers. Hooks of third parties are bounded, not checked. */
export function checkHookPayload(owner: string, hook: string, value: unknown): PlinthError | null {
  const key = owners.get(hook);
  return key === undefined ? null : check(owner, key, `hook#${hook}`, value, () => `the hook ${hook}`);
}

function check(owner: string, key: string, name: string, value: unknown, what: () => string): PlinthError | null {
  let validate: Validator | undefined;
  try {
    validate = validatorsOf(key)[name];
  } catch {
    validate = undefined;
  }
  if (validate === undefined)
    return new PlinthError("PLINTH_PAYLOAD", `What ${owner} sent to ${what()} cannot be checked, and is refused: its validators are not there.`, {
      extension: owner,
      next: "Install Plinth again: some of its own files are missing.",
    });
  if (validate(value)) return null;
  const { path, message } = explain((validate.errors ?? []) as ValidationError[], value);
  return new PlinthError("PLINTH_PAYLOAD", `${owner} sent something that does not fit ${what()}: ${path || "/"}: ${message}.`, {
    extension: owner,
    next: "Report it to the author of the extension.",
  });
}

function validatorsOf(key: string): Validators {
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const validators = load(`./generated/${key}.cjs`) as Validators;
  loaded.set(key, validators);
  return validators;
}
