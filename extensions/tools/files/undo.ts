import { lstat, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { PlinthError, visible } from "@plinth/sdk";
import type { Memory } from "./memory.ts";
import { type Previous, sha256 } from "./previous.ts";
import { withWorkspace } from "./workspace.ts";
import { replace } from "./write.ts";

const SHOWN = 20;

/** `/undo` shows what can be taken back in this conversation, `/undo ID` takes one back; nobody else's change is lost with it. */
export async function undo(args: string, { previous, sessionKey, hands }: Memory): Promise<string> {
  const kept = previous();
  if (args === "") {
    const all = await kept.list(sessionKey);
    if (all.length === 0) return "Nothing was written here in a turn that not only you had a hand in.";
    return all.slice(0, SHOWN).map(line).join("\n");
  }
  const { previous: one, before } = await kept.take(args);
  await withWorkspace(dirname(one.path), async (folder) => {
    const place = await folder.place(basename(one.path), { followLast: false });
    const now = await lstat(place.folder.child(place.name)).catch(() => undefined);
    const file = now?.isFile() ? await folder.openFile(place) : undefined;
    if (file === undefined || sha256(await file.readFile()) !== one.wrote) throw changed(one);
    if (one.existed) await replace(place, before, now);
    else await unlink(place.folder.child(place.name));
    await hands.wrote(one.path, [], !one.existed);
  });
  await kept.drop(one.id);
  return one.existed ? `\`${plain(one.path)}\` is as it was before.` : `\`${plain(one.path)}\` is gone again: it was new.`;
}

function line({ id, at, path, parties, existed }: Previous): string {
  const when = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  return `- \`/undo ${id}\`: \`${plain(path)}\` ${existed ? "changed" : "made"} ${when} UTC; ${plain(parties.join(", "))} had a hand in it`;
}

const plain = (text: string): string => visible(text, { max: 300 }).replaceAll("`", "'");

const changed = ({ path }: Previous): PlinthError =>
  new PlinthError("PLINTH_FILE_CHANGED", `"${basename(path)}" was changed since.`, { next: "Compare it yourself: what is there now would be lost." });
