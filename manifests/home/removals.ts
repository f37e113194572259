import { stat } from "node:fs/promises";
import { join } from "node:path";
import { discard } from "./trash.ts";

/** The host from which data is removed. */
export interface RemovingHost {
  readonly home: string;
  /** Ids whose data has still to go, as committed. */
  readonly removed: readonly string[];
  isInstalled(id: string): boolean;
  /** Whether it has values in the store. */
  hasValues(id: string): Promise<boolean>;
  wipe(id: string): Promise<void>;
  putDown(removed: readonly string[]): Promise<void>;
  failed(id: string, why: unknown): void;
}

const dataDir = (home: string, id: string): string => join(home, "state", id);

/**
 * Of extensions that have stored nothing yet, whatever they store is to go unless they are installed.
 *
 * @returns their folders that are not there yet, installed or not: a trial that fails leaves none.
 */
export async function removeUnlessInstalled(host: RemovingHost, ids: readonly string[]): Promise<string[]> {
  const fresh: string[] = [];
  const absent: string[] = [];
  for (const id of ids) {
    if ((await stat(dataDir(host.home, id)).catch(() => undefined)) !== undefined) continue;
    absent.push(dataDir(host.home, id));
    if (!host.isInstalled(id) && !(await host.hasValues(id))) fresh.push(id);
  }
  if (fresh.length > 0) await host.putDown([...host.removed, ...fresh]);
  return absent;
}

/** Remove what uninstalled extensions stored. What cannot be removed now is tried again later, except of `ids`, which throws. */
export async function finishRemovals(host: RemovingHost, ids: readonly string[] = []): Promise<void> {
  if (host.removed.length === 0) return;
  const stuck: string[] = [];
  for (const id of host.removed) {
    if (host.isInstalled(id)) continue;
    try {
      await host.wipe(id);
      await discard(host.home, dataDir(host.home, id));
    } catch (thrown) {
      if (ids.includes(id)) throw thrown;
      stuck.push(id);
      host.failed(id, thrown);
    }
  }
  await host.putDown(stuck);
}
