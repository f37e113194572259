import { type Context, errorInfo } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import type { Operation } from "../operation.ts";
import { type Block, safe } from "../report.ts";
import { type Installed, installedOf, isOwnPackage, readWorld } from "../world.ts";

interface Verified {
  id: string;
  version: string;
  /** What was checked and holds. */
  holds: string[];
  /** What does not. */
  broken: { code: string; what: string }[];
  /** What could not be checked, and why. */
  unchecked: string[];
}

export function verify(ctx: Context, registries: Registries): Operation {
  return {
    name: "verify",
    summary: "Check installed packages against the lock, their signatures and the registry's log",
    access: "owner",
    args: [{ name: "id", summary: "Only this one" }],
    options: { offline: { type: "boolean", summary: "Ask no registry" } },
    examples: ["verify", "verify demo.dice --offline"],
    async *run({ input, signal }): AsyncGenerator<string, { verified: Verified[] }> {
      const world = await readWorld(ctx);
      const ids = typeof input.id === "string" ? [input.id] : [...world.installed.keys()].sort();
      const verified: Verified[] = [];
      for (const id of ids) {
        yield `Checking ${safe(id, 120)} …`;
        const offline = input.offline === true;
        verified.push(await verifyOne(ctx, registries, id, installedOf(world, id), { offline, own: isOwnPackage(world, id) }, signal));
      }
      return { verified };
    },
    report({ verified }: { verified: Verified[] }) {
      if (verified.length === 0) return { blocks: [{ text: "Nothing is installed." }] };
      const bad = verified.filter(({ broken }) => broken.length > 0);
      const blocks: Block[] = [
        {
          text:
            bad.length === 0 ? `All ${verified.length} are what the lock says.` : `${bad.length} of ${verified.length} are not what they should be.`,
        },
      ];
      for (const { id, version, holds, broken, unchecked } of verified) {
        const items = [...broken.map(({ code, what }) => `${code}: ${what}`), ...holds, ...unchecked.map((why) => `not checked: ${why}`)];
        blocks.push({ title: `${safe(id)} ${safe(version)}${broken.length > 0 ? ": broken" : ""}` }, { items });
      }
      if (bad.length > 0) blocks.push({ text: `Next: \`plinth plugins uninstall ${bad[0]?.id} --keep-data\`, then install it again.` });
      return { blocks, ...(bad.length > 0 ? { exit: 1 } : {}) };
    },
  };
}

async function verifyOne(
  ctx: Context,
  registries: Registries,
  id: string,
  { manifest, lock, dir }: Installed,
  { offline, own }: { offline: boolean; own: boolean },
  signal: AbortSignal,
): Promise<Verified> {
  const result: Verified = { id, version: manifest.version, holds: [], broken: [], unchecked: [] };
  const breaks = (code: string, what: string) => result.broken.push({ code, what });
  if (manifest.version !== lock.version) breaks("PLINTH_LOCK_DIFFERS", `the lock says ${lock.version}`);
  try {
    const { digest } = await ctx
      .use("plinth.host-admin")
      .one()
      .inspect({ dir: String(dir) }, { signal });
    if (digest === lock.digest) result.holds.push(`its files are those of the lock (${digest.slice(0, 16)}…)`);
    else breaks("PLINTH_DIGEST", "its files in the store are not those of the lock");
    // The host refuses to look at any other bytes under such an id.
    if (own) result.holds.push("they are those of the product's own package");
  } catch (thrown) {
    const { code, message } = errorInfo(thrown);
    breaks(code, message);
  }
  if (own) return result;
  if (lock.signature === undefined) {
    result.unchecked.push(`it came unsigned, from ${lock.source}`);
    return result;
  }
  if (offline || !lock.source.startsWith("registry:")) {
    result.unchecked.push(offline ? "signature and log, as no registry was asked" : `its signature, which ${lock.source} vouches for`);
    return result;
  }
  try {
    const { client } = await registries.facts(id, signal, lock.registry);
    // Downloading checks size, integrity, the publisher's signature against the pinned keys and, where there is one, the log.
    const { entry, evidence, key } = await client.download(id, lock.version, { signal });
    if (entry.integrity !== lock.integrity) breaks("PLINTH_VERSION_REPUBLISHED", `${client.name} has other bytes under this version now`);
    else if (entry.signature.signature !== lock.signature.signature) breaks("PLINTH_SIGNATURE", `${client.name} has another signature of it now`);
    else if (key.is === "first") result.unchecked.push(`whose key ${evidence.keyId} is: it signed this, and is not known here`);
    else result.holds.push(`signed by its publisher's key ${evidence.keyId}, checked again`);
    if (evidence.logged) result.holds.push(`in the log of ${client.name} at place ${entry.log?.index}`);
    else if (lock.log !== undefined) breaks("PLINTH_TRUST_DOWNGRADE", `${client.name} has no log any more`);
    else result.unchecked.push(`${client.name} keeps no log`);
    if (lock.log !== undefined && entry.log !== undefined && lock.log !== entry.log.index)
      breaks("PLINTH_LOG_INCLUSION", `the lock says place ${lock.log} of the log`);
    if (entry.yanked !== undefined) result.holds.push(`but it was withdrawn: ${entry.yanked}`);
  } catch (thrown) {
    const { code, message } = errorInfo(thrown);
    if (code === "PLINTH_REGISTRY_UNREACHABLE" || code === "PLINTH_NET") result.unchecked.push(message);
    else breaks(code, message);
  }
  return result;
}
