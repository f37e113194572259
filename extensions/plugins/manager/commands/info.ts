import type { AdvisoryFinding } from "@plinth/registry";
import { type Context, errorInfo, type Manifest } from "@plinth/sdk";
import { refusalOf } from "../market/policy.ts";
import type { Entry, Registries } from "../market/registries.ts";
import { advisorySettingsOf, releasePolicyOf } from "../market/settings.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { asOwn } from "../set/preparation.ts";
import { parsePackage } from "../spec.ts";
import { isOwnPackage, readWorld } from "../world.ts";

interface Info {
  id: string;
  registry: string;
  /** false: nothing signed has any of this; it is what the registry says. */
  proven: boolean;
  /** One of the product's own packages. */
  own?: true;
  /** When this host first saw that version, where nothing signed gives a time; ISO 8601. */
  seen?: string;
  /** The version that would be installed, or the one that was asked for. */
  version: string;
  title: string;
  description: string;
  license?: string;
  asks: string[];
  needs: string[];
  publisher: string;
  keyId: string;
  publishedAt: string;
  log?: number;
  size: number;
  /** Why it would not be installed now. */
  refused?: string;
  deprecated?: string;
  installed?: string;
  versions: { version: string; publishedAt: string; state: string }[];
  advisories: AdvisoryFinding[];
}

const SHOWN = 8;

export function info(ctx: Context, registries: Registries): Operation {
  return {
    name: "info",
    summary: "Show what a registry knows of an extension before it is installed",
    access: "anyone",
    args: [{ name: "id", summary: "Such as demo.dice or demo.dice@1.0.0", required: true }],
    examples: ["info demo.dice", "info demo.dice@1.0.0"],
    async *run({ input, signal }): AsyncGenerator<string, Info> {
      const { id, range } = parsePackage(String(input.id).replace(/^registry:/, ""));
      yield "Asking the registries …";
      const world = await readWorld(ctx);
      const { installed } = world;
      const { client, entries, released } = await registries.facts(id, signal, installed.get(id)?.lock.registry);
      const exact = entries.find(({ version }) => version === range);
      const entry = exact ?? (await client.resolve(id, range ?? "latest", { signal }));
      const manifest = entry.manifest as Manifest;
      const { adviseOn, describePowers } = await import("@plinth/registry");
      const refused = await refusalOf(id, entry, { policy: releasePolicyOf(ctx), registry: client.name, released, now: ctx.clock.now() });
      const feed = await client.advisories({ signal }).catch((thrown: unknown) => {
        ctx.log.warn("Advisories could not be read.", { registry: client.name, error: errorInfo(thrown) });
        return undefined;
      });
      const here = installed.get(id)?.manifest.version;
      return {
        id,
        registry: client.name,
        proven: client.isProven,
        ...(isOwnPackage(world, id) ? { own: true } : {}),
        ...(client.isProven ? {} : { seen: released.get(entry.version)?.toISOString() ?? "" }),
        version: entry.version,
        title: manifest.title,
        description: manifest.description,
        ...(manifest.license === undefined ? {} : { license: manifest.license }),
        asks: isOwnPackage(world, id) ? asOwn(describePowers(manifest), manifest) : describePowers(manifest),
        needs: Object.entries(manifest.extensions ?? {}).map(([other, wanted]) => `${other} ${wanted}`),
        publisher: id.slice(0, id.indexOf(".")),
        keyId: entry.signature.keyId,
        publishedAt: entry.log?.at ?? entry.publishedAt,
        ...(entry.log === undefined ? {} : { log: entry.log.index }),
        size: entry.size,
        ...(refused === null ? {} : { refused }),
        ...(entry.deprecated === undefined ? {} : { deprecated: entry.deprecated }),
        ...(here === undefined ? {} : { installed: here }),
        versions: [...entries].reverse().map((one) => ({ version: one.version, publishedAt: one.publishedAt, state: stateOf(one) })),
        advisories: feed === undefined ? [] : adviseOn(feed, [{ id, version: entry.version }], advisorySettingsOf(ctx)),
      };
    },
    report: (result: Info, { requester }) => ({ blocks: blocksOf(result, requester.surface === "chat" ? "/plugins" : "plinth plugins") }),
  };
}

function blocksOf(result: Info, command: string): Block[] {
  const { id, version, title, description, registry, keyId, publisher, publishedAt, log, license, size, installed, asks, needs } = result;
  const { own, proven, seen } = result;
  const day = (at: string) => at.slice(0, 16).replace("T", " ");
  const facts: [string, string][] = [
    ["Registry", own ? "built-in: comes with the product" : proven ? registry : `${registry}, which signs nothing: all of this is unproven`],
    ["Publisher", own ? "the product itself" : proven ? `${publisher}, key ${keyId}` : `${publisher}, key ${keyId}: unproven`],
    [
      "Published",
      `${day(publishedAt)}${log === undefined ? "" : `, place ${log} of the registry's log`}${seen ? `, unproven: seen here ${day(seen)}` : ""}`,
    ],
    ["License", license ?? "not stated"],
    ["Size", `${Math.ceil(size / 1_024)} KiB`],
    ["Installed here", installed ?? "no"],
  ];
  const named: Block[] = [{ text: `${code(id)} ${safe(version)}: ${safe(title, 80)}` }, { text: safe(description, 400) }];
  const unnamed: Block[] = [
    { text: `${code(id)} ${safe(version)}` },
    { text: `Says of itself, unproven: “${safe(title, 80)}. ${safe(description, 400)}”` },
  ];
  const blocks: Block[] = [...(proven ? named : unnamed), { facts }];
  const warnings = [
    ...(result.refused === undefined ? [] : [`It would not be installed now: ${result.refused}`]),
    ...(result.deprecated === undefined ? [] : [`Deprecated: ${result.deprecated}`]),
    ...result.advisories.map(({ message }) => message),
  ];
  if (warnings.length > 0) blocks.push({ title: "Look at this first" }, { items: warnings });
  blocks.push({ title: "It may" }, { items: asks.length > 0 ? asks : ["do nothing outside itself"] });
  if (needs.length > 0) blocks.push({ title: "It needs" }, { items: needs });
  const versions = result.versions.slice(0, SHOWN).map((one) => `${one.version} of ${one.publishedAt.slice(0, 10)}${one.state}`);
  if (result.versions.length > SHOWN) versions.push(`and ${result.versions.length - SHOWN} older ones`);
  blocks.push({ title: "Versions" }, { items: versions }, { text: `Install it: ${code(`${command} install ${id}`)}` });
  return blocks;
}

function stateOf({ yanked, deprecated, blocked }: Entry): string {
  if (blocked !== undefined) return `, withheld: ${blocked}`;
  if (yanked !== undefined) return `, withdrawn: ${yanked}`;
  return deprecated === undefined ? "" : `, deprecated: ${deprecated}`;
}
