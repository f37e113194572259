import type { PackageIndex } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { Documents } from "../documents.ts";
import { splitId } from "../layout.ts";
import { verify } from "../signing.ts";
import { reason } from "../system-error.ts";
import type { Transport } from "../transport.ts";
import { publishEvent } from "./log-event.ts";
import { keyAt } from "./publisher-keys.ts";
import type { RegistryState } from "./registry-state.ts";
import type { TrustMemory } from "./trust-memory.ts";
import { TrustedView } from "./trusted-view.ts";

/** What a draft would change. */
export interface DraftFacts {
  /** Paths of index and key documents. */
  paths: Iterable<string>;
  /** Versions that the log has from now on, by package. */
  fresh: ReadonlyMap<string, ReadonlySet<string>>;
  feed: boolean;
}

/**
 * Read a draft as a host does that knows the state before it: with the client's own code, its bounds and its checks. What
 * a host would refuse is found here, before anybody sees it.
 *
 * @param draft the registry's folder as it will be.
 * @throws PLINTH_DOCUMENT_INVALID; PLINTH_REGISTRY_BUSY when there was no time to look.
 */
export async function assertAcceptable(draft: Transport, before: RegistryState, facts: DraftFacts, clock: () => Date): Promise<void> {
  const name = before.root.signed.origin;
  const view = new TrustedView({ name, transport: draft, memory: memoryOf(before), clock });
  const documents = new Documents(name, draft);
  try {
    await view.refresh();
    for (const path of facts.paths) {
      const [, publisher, rest] = /^(?:packages\/|keys\/)([a-z0-9-]+)(?:\/([a-z0-9-]+))?\.json$/.exec(path) ?? [];
      if (publisher === undefined) throw new Error(`${path} is no document of a registry`);
      const leaf = await view.leaf(path);
      if (rest === undefined) await view.delegation(publisher);
      else if (leaf !== undefined) await assertIndex(view, (await documents.index(`${publisher}.${rest}`, undefined, leaf))!, facts);
    }
    if (facts.feed) await view.feed();
  } catch (error) {
    throw refused(error);
  }
}

function refused(cause: unknown): PlinthError {
  // That this machine had no time to look says nothing about the draft.
  if (["PLINTH_DATA_BUSY", "PLINTH_DATA_FAILED"].includes(String((cause as { code?: unknown }).code))) {
    const next = "Try again in some seconds.";
    return new PlinthError("PLINTH_REGISTRY_BUSY", `The change was not made, for there was no time to look at it: ${reason(cause)}`, { next, cause });
  }
  const next = "Change what is asked for; when it is right as it is, tell who runs the registry.";
  const message = `The change was not made, for hosts would refuse what the registry then says: ${reason(cause)}`;
  return new PlinthError("PLINTH_DOCUMENT_INVALID", message, { next, cause });
}

/** Each new version is in the log, and signed by a key that speaks for its publisher at its place there. */
async function assertIndex(view: TrustedView, { id, versions }: PackageIndex, { fresh }: DraftFacts): Promise<void> {
  const added = versions.filter(({ version }) => fresh.get(id)?.has(version));
  const delegation = added.length === 0 ? undefined : await view.delegation(splitId(id).publisher);
  for (const entry of added) {
    const what = `${id} ${entry.version}`;
    await view.assertLogged(publishEvent(id, entry, entry.log?.at ?? ""), entry.log?.index);
    const key = keyAt(delegation!, entry.signature.keyId, entry.log?.index ?? -1, what);
    if (!verify({ ...entry, id }, entry.signature, key)) throw new Error(`${what} is not signed by its publisher.`);
  }
}

/** A host that accepted the state before. */
function memoryOf({ root, timestamp, snapshot, head }: RegistryState): TrustMemory {
  if (timestamp === undefined) return { get: () => undefined, set() {} };
  const state = { root, timestamp: timestamp.version, snapshot, head: { size: head.size, root: head.root.toString("base64") } };
  return { get: () => state, set() {} };
}
