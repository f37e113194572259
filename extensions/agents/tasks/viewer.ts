import { type Call, isProduct } from "@plinth/sdk";
import type { Task, TaskRow } from "./task.ts";

/** Who looks at the ledger or writes into it, by what the host says of the call. */
export interface Viewer {
  /** The extension that calls. */
  readonly caller: string;
  /** Another publisher's extension: it sees and changes what it began itself, under ids of its own. */
  readonly stranger: boolean;
  /** Where the guest was proven in whose work it calls: it sees and changes what was begun in such work. */
  readonly guest: string | undefined;
  readonly origin: Task["origin"];
  /** Of the audit: `owner`, a guest, or the extension that acted by itself. */
  readonly by: string;
}

export function viewerOf({ caller, work }: Pick<Call, "caller" | "work">): Viewer {
  const stranger = !isProduct(caller);
  if (work === undefined) return { caller, stranger, guest: undefined, origin: { by: "system" }, by: caller };
  const { role, via } = work.principal;
  const influences = work.influences.map((one) => ({ ...one }));
  return {
    ...{ caller, stranger, guest: role === "guest" ? via : undefined },
    origin: { by: role, via, ...(influences.length === 0 ? {} : { influences }) },
    by: (stranger || role === "system" ? caller : role === "owner" ? "owner" : `guest:${via}`).slice(0, 256),
  };
}

/** Nobody takes another's id, nor learns which there are. */
export const keyOf = (id: string, { stranger, caller }: Viewer): string => (stranger ? `${caller}/${id}` : id);

/** The other way round: as whoever made it calls it. */
export const nameFor =
  ({ stranger, caller }: Viewer) =>
  (key: string): string =>
    stranger && key.startsWith(`${caller}/`) ? key.slice(caller.length + 1) : key;

export const sees = (row: TaskRow, { stranger, caller, guest }: Viewer): boolean =>
  (!stranger || row.owner === caller) && (guest === undefined || row.guest === guest);
