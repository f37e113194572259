import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Advisory } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import { isPlinthError, PlinthError } from "@plinth/manifests/wire/error.ts";
import { documentProblems } from "../schemas.ts";
import { systemCode } from "../system-error.ts";
import { countSigners, type Signed } from "./envelope.ts";
import { pageHash } from "./index-tree.ts";
import type { LogEvent } from "./log-event.ts";
import { readEvents } from "./log-writer.ts";
import { ADVISORIES_PATH, type Feed, type RegistryState, readSigned } from "./registry-state.ts";
import { signersOf } from "./roles.ts";

/**
 * The feed in a registry's own folder, when it is one that the registry signed; nothing else is signed anew. `damage` says
 * why it is not: who changes packages goes on without it.
 */
export async function signedFeed(dir: string, { root, feed: reference }: RegistryState): Promise<{ feed?: Feed; damage?: PlinthError }> {
  try {
    const document = await readSigned<Feed>(dir, "AdvisoryFeed", ADVISORIES_PATH);
    if (document === undefined) return reference === undefined ? {} : { damage: damaged("it is missing") };
    const { keys, threshold } = signersOf(root.signed, "targets");
    const known = pageHash(await readFile(join(dir, ADVISORIES_PATH))) === reference?.sha256;
    // A commit that died before its timestamp may have left one that is signed and that nothing names.
    if (known || countSigners(canonicalJson(document.signed), document.signatures, keys) >= threshold) return { feed: document.signed };
    return { damage: damaged("it is not signed by the registry") };
  } catch (error) {
    if (isPlinthError(error)) return { damage: error };
    throw error;
  }
}

/** What is told of a package; a feed that cannot be read tells nothing. */
export async function readAdvisories(dir: string): Promise<Advisory[]> {
  const candidates = await advisoriesIn(dir);
  const sound: Advisory[] = [];
  for (const one of candidates) if (await fits(one)) sound.push(one as Advisory);
  return sound;
}

/**
 * A feed that can stand in for a damaged one. An advisory is kept when it is whole, and the log has exactly it as the last
 * word under its id: whoever could change the file could not change that. What was withdrawn is for the indexes to say.
 */
export async function salvageFeed(dir: string, { head, feed }: RegistryState): Promise<{ feed: Feed; lost: string[] }> {
  const last = new Map<string, string>();
  for await (const text of readEvents(dir, head.size)) {
    const event = JSON.parse(text) as LogEvent;
    if (event.type === "advisory") last.set(event.advisory, event.sha256);
  }
  const advisories: Advisory[] = [];
  for (const one of await readAdvisories(dir)) {
    if (last.get(one.id) !== pageHash(canonicalJson(one))) continue;
    advisories.push(one);
    last.delete(one.id);
  }
  advisories.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { feed: { type: "advisories", version: (feed?.version ?? 0) + 1, advisories, withdrawn: [] }, lost: [...last.keys()].sort() };
}

/** Whatever the file has in the place of advisories. */
async function advisoriesIn(dir: string): Promise<unknown[]> {
  try {
    const document = JSON.parse(await readFile(join(dir, ADVISORIES_PATH), "utf8")) as { signed?: { advisories?: unknown } } | null;
    const found = document?.signed?.advisories;
    return Array.isArray(found) ? found : [];
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Judged by the schema of the whole, as hosts do. */
async function fits(advisory: unknown): Promise<boolean> {
  const signature = { keyId: "0".repeat(16), signature: `${"A".repeat(86)}==` };
  const document: Signed<unknown> = {
    signed: { type: "advisories", version: 1, advisories: [advisory], withdrawn: [] },
    signatures: [signature],
  };
  return (await documentProblems("AdvisoryFeed", document)).length === 0;
}

function damaged(why: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_INVALID", `The registry's ${ADVISORIES_PATH} is damaged: ${why}.`, {
    next: "Run `plinth-registry repair`, or restore it from a backup.",
  });
}
