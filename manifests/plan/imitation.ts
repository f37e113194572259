import { errors } from "../errors.ts";
import type { Manifest, Provide } from "../schema/extension.ts";
import type { PlinthError } from "../wire/error.ts";
import { isOurs } from "./ours.ts";

/** What people type first: the word after `/`, after `plinth`, before the first dot of a method. */
const FIRST_WORD: Readonly<Record<string, (provide: Provide) => string | undefined>> = {
  "plinth.chat-command": ({ descriptor }) => (descriptor as { name?: string }).name,
  "plinth.cli-command": ({ descriptor }) => (descriptor as { path?: string[] }).path?.[0],
  "plinth.gateway-method": ({ id }) => id.split(".")[0],
};

/** Names that look alike are one: `Appr0ve-` is `approve`. */
const folded = (name: string): string => name.toLowerCase().replace(/[-_.]/g, "").replaceAll("0", "o").replace(/[1l]/g, "i").replaceAll("rn", "m");
const PRODUCT = folded("plinth");
/** What only the product's own extensions have as their publisher. */
const OWN = "plinth.";

/** Whether only the product itself may bring an extension of this id. */
export const isReserved = (id: string): boolean => id.startsWith(OWN);

interface Known {
  readonly manifest: Manifest;
  readonly bundled: boolean;
  readonly own?: boolean;
}

/**
 * Why a package from outside may not have the names it wants: its publisher or something it provides goes by the product's
 * name, or a command or method would stand in one of the product's own groups, such as `plinth plugins …`, `/approve` or
 * `approvals.…`. Null where it imitates nothing.
 */
export function imitation(manifest: Manifest, records: readonly Known[]): PlinthError | null {
  const { id, provides = [] } = manifest;
  if (folded(id.split(".")[0] as string).startsWith(PRODUCT)) return errors.reserved(id);
  const taken = new Map<string, string>();
  for (const record of records) {
    if (isOurs(record)) for (const word of (record.manifest.provides ?? []).flatMap(wordsOf)) taken.set(folded(word), word);
  }
  const tools = records.filter(isOurs).flatMap((record) => (record.manifest.provides ?? []).filter(isTool).map((one) => folded(one.id)));
  for (const provide of provides) {
    // Models call a set's tools `SET__TOOL`: neither may a tool look like a set's, nor a set like a tool of the product.
    if (isTool(provide) && (provide.id.includes("__") || (provide.contract === "plinth.tool-set" && tools.includes(folded(provide.id)))))
      return errors.reservedTool(id, `${provide.contract}/${provide.id}`);
    const words = [...wordsOf(provide), provide.id.split(/[._-]/)[0] as string];
    const named = words.find((word) => folded(word) === PRODUCT);
    if (named !== undefined) return errors.imitates(id, `${provide.contract}/${provide.id}`, "plinth");
    const [group] = wordsOf(provide).flatMap((word) => taken.get(folded(word)) ?? []);
    if (group !== undefined) return errors.imitates(id, `${provide.contract}/${provide.id}`, group);
  }
  return null;
}

const isTool = ({ contract }: Provide): boolean => contract === "plinth.tool" || contract === "plinth.tool-set";

function wordsOf(provide: Provide): string[] {
  const word = Object.hasOwn(FIRST_WORD, provide.contract) ? FIRST_WORD[provide.contract]?.(provide) : undefined;
  return typeof word === "string" ? [word] : [];
}
