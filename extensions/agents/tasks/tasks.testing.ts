import { openFile } from "./database.ts";
import { Ledger } from "./ledger.ts";
import type { Viewer } from "./viewer.ts";

export const PRODUCT: Viewer = { caller: "plinth.sub-agents", stranger: false, guest: undefined, origin: { by: "owner" }, by: "owner" };
export const strangerOf = (caller: string): Viewer => ({ ...PRODUCT, caller, stranger: true, by: caller });
export const guestOf = (via: string): Viewer => ({ ...PRODUCT, guest: via, origin: { by: "guest", via }, by: `guest:${via}` });

export const openLedger = async (dir: string, now: () => number = Date.now, kept = {}): Promise<Ledger> =>
  new Ledger(await openFile(dir), now, { keepDays: 7, keepTasks: 10_000, ...kept });

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "ok",
    (error) => error.code as string,
  );
