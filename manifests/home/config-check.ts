import { errors } from "../errors.ts";
import { nearNames } from "../near-names.ts";
import type { Config } from "../schema/config.ts";
import { PlinthError } from "../wire/error.ts";
import { settingsOf } from "./config-file.ts";

/** What of a plan a configuration is judged by. */
export interface JudgedPlan {
  readonly extensions: ReadonlyMap<string, unknown>;
  readonly blocked: ReadonlyMap<string, PlinthError>;
  readonly disabled: ReadonlySet<string>;
  readonly contracts: ReadonlyMap<string, unknown>;
  readonly slots: ReadonlyMap<string, string>;
  readonly problems: readonly PlinthError[];
}

export interface Objection {
  readonly error: PlinthError;
  /** An owner may want it nevertheless: nothing that the host needs is lost by it. */
  readonly forceable: boolean;
}

/**
 * What speaks against putting a configuration in force: values that do not fit, running extensions that it would leave
 * out, names that nobody knows.
 *
 * @param before what is in force, with its configuration; what was wrong there already is no objection.
 * @param next what would be.
 * @param ids every extension that is here.
 * @param main the contract without which no command can be run any more.
 */
export function objectionsTo(
  before: { plan: JudgedPlan; config: Config },
  next: { plan: JudgedPlan; config: Config },
  { ids, main }: { ids: readonly string[]; main: string },
): Objection[] {
  const found: Objection[] = [];
  for (const [id, error] of next.plan.blocked) {
    const known = before.plan.blocked.get(id)?.message === error.message;
    const invalid = error.code === "PLINTH_CONFIG_INVALID";
    if (!known && (before.plan.extensions.has(id) || invalid)) found.push({ error, forceable: !invalid });
  }
  for (const id of Object.keys(next.config.extensions ?? {})) {
    if (Object.hasOwn(before.config.extensions ?? {}, id) || ids.includes(id)) continue;
    // With a version or a source it is an order: what is named is installed.
    const { version, source } = settingsOf(next.config, id);
    if ((version ?? source) === undefined) found.push({ error: errors.notInstalled(id, nearNames(id, ids)), forceable: true });
  }
  for (const [slot, chosen] of Object.entries(next.config.slots ?? {})) {
    if (before.config.slots?.[slot] === chosen) continue;
    const contract = slot.split("/")[0] as string;
    const known = [...next.plan.contracts.keys()];
    if (!known.includes(contract)) found.push({ error: unknownSlot(slot, nearNames(contract, known)), forceable: true });
    if (!ids.includes(chosen)) found.push({ error: errors.notInstalled(chosen, nearNames(chosen, ids)), forceable: !before.plan.slots.has(slot) });
  }
  if (before.plan.slots.has(main) && !next.plan.slots.has(main))
    found.push({ error: refused(`nothing would provide ${main} any more, which every command needs`), forceable: false });
  for (const contract of before.plan.slots.keys()) {
    if (contract === main || next.plan.slots.has(contract)) continue;
    // Switching off what fills it can be meant; a choice that fills nothing cannot.
    const chosen = next.config.slots?.[contract] !== before.config.slots?.[contract];
    found.push({ error: refused(`nothing would fill ${contract} any more`), forceable: !chosen });
  }
  const told = new Set(before.plan.problems.map(({ message }) => message));
  for (const error of next.plan.problems) if (!told.has(error.message)) found.push({ error, forceable: true });
  return found.sort((a, b) => Number(a.forceable) - Number(b.forceable));
}

/** The first objection as an error of the command that wanted it; undefined where nothing speaks against it. */
export function refusalOf(objections: readonly Objection[], force: boolean): PlinthError | undefined {
  const first = objections.find(({ forceable }) => !(force && forceable));
  if (first === undefined) return undefined;
  const { code, message, extension, next, details } = first.error;
  const more = first.forceable ? " With --force it is set nevertheless." : "";
  // Nobody can tell here whether the file had the mistake before.
  const fits = code === "PLINTH_CONFIG_INVALID" ? "Give a value that fits. If it was wrong before: " : "";
  return new PlinthError(code, `Nothing was changed: ${message}`, { extension, details, next: `${fits}${next ?? "Choose another value."}${more}` });
}

const refused = (why: string): PlinthError =>
  new PlinthError("PLINTH_CONFIG_REFUSED", `The host could not work with it: ${why}.`, { next: "Choose another value." });

const unknownSlot = (slot: string, near: string[]): PlinthError =>
  new PlinthError("PLINTH_CONTRACT_UNKNOWN", `slots["${slot}"] names a contract that nobody defines.`, {
    next: near.length > 0 ? `Did you mean ${near.join(", ")}?` : "`plinth explain CONTRACT` shows who fills one.",
  });
