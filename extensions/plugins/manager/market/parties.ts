import { safe } from "../report.ts";
import type { Provenance } from "../set/step.ts";
import type { Installed } from "../world.ts";

/**
 * What an owner should know of whose data goes to whom: in place of what is installed, and of what was kept at an
 * uninstall.
 *
 * @param followed the key that signed it is known here, or a known one vouches for it.
 * @param kept for whom data under this id is kept.
 */
export async function partyNotices(
  installed: Installed | undefined,
  next: Provenance,
  followed: boolean,
  kept: readonly string[] = [],
): Promise<string[]> {
  const { partyOf } = await import("@plinth/registry");
  const party = partyOf(next);
  if (installed !== undefined) {
    const before = partyOf(installed.lock);
    if (before === party || (followed && installed.lock.signature !== undefined)) return [];
    return [`comes from another party than what is installed (${safe(before, 120)}), and gets what that one has stored`];
  }
  const own = kept.includes(party);
  const others = kept.filter((one) => one !== party).map((one) => safe(one, 80));
  const notices = own ? ["gets back what it had stored here before"] : [];
  if (others.length === 0) return notices;
  const begins = own ? "it has its own" : "it begins with an empty store";
  return [...notices, `gets nothing of the data that is kept under this id for others (${others.join(", ")}): ${begins}`];
}
