import { isAbsolute, resolve } from "node:path";
import type { RegistryClient } from "@plinth/registry";
import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { type Offer, readOffers } from "../market/claude.ts";
import type { Registries } from "../market/registries.ts";
import { BUILT_IN, configuredMarketplaces, type Marketplace, marketplacesOf } from "../market/settings.ts";
import { addressShown, NOW_MS } from "../market/trust-card.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";

const PATH = 'extensions["plinth.plugins"].config.registries';
const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** Rows that fit one message of a conversation. */
const PAGE = 20;

/** Where packages come from: registries, and marketplaces that list plugins of other places. */
export function marketplaceOperations(ctx: Context, registries: Registries): Operation[] {
  return [list(ctx), add(ctx, registries), remove(ctx)];
}

interface Listed {
  /** In the order in which they are asked. */
  marketplaces: Marketplace[];
  name?: string;
  offers?: Offer[];
}

function list(ctx: Context): Operation {
  return {
    group: "marketplace",
    name: "list",
    summary: "List the marketplaces in the order in which they are asked, or what one lists",
    access: "anyone",
    args: [{ name: "name", summary: "One with a marketplace.json: its plugins" }],
    options: { page: { type: "string", value: "N", summary: "Which page of a long list", only: "chat" } },
    examples: ["list", "list acme"],
    async *run({ input, signal }): AsyncGenerator<string, Listed> {
      const marketplaces = [BUILT_IN, ...marketplacesOf(ctx)];
      if (typeof input.name !== "string") return { marketplaces };
      const place = marketplaces.find(({ name }) => name === input.name);
      if (place === undefined) throw unknown(input.name, marketplaces);
      if (place.kind !== "claude") return { marketplaces: [place], name: place.name };
      yield `Reading ${safe(place.name)} …`;
      return { marketplaces: [place], name: place.name, offers: await readOffers(ctx, place, signal) };
    },
    report({ marketplaces, offers, name }: Listed, { input, requester }) {
      const chat = requester.surface === "chat";
      const command = chat ? "/plugins" : "plinth plugins";
      if (offers === undefined) {
        if (marketplaces.length === 0) return { blocks: [{ text: "There is no marketplace." }] };
        const rows = marketplaces.map(({ name: one, url, kind, root }) => [one, kind ?? "registry", root === undefined ? "" : "root known", url]);
        return { blocks: [{ head: ["name", "kind", "trust", "address"], rows }] };
      }
      const pages = chat ? Math.max(1, Math.ceil(offers.length / PAGE)) : 1;
      const page = Math.min(Math.max(1, Number.parseInt(String(input.page ?? "1"), 10) || 1), pages);
      const shown = chat ? offers.slice((page - 1) * PAGE, page * PAGE) : offers;
      const rows = shown.map(({ name: one, version = "", description, spec, why }) => [one, version, spec ?? `not here: ${why}`, description]);
      const blocks: Block[] = [{ head: ["name", "version", "from", "description"], rows }];
      // Nobody has signed this list: what it names becomes no command to copy.
      const some = offers.some(({ spec }) => spec !== undefined);
      if (some) blocks.push({ text: `Nobody has signed this list. Install one with ${code(`${command} install marketplace:${name}/NAME`)}` });
      if (page < pages) blocks.push({ text: `Page ${page} of ${pages}: \`/plugins marketplace list ${name} --page ${page + 1}\`` });
      return { blocks };
    },
  };
}

interface Changed {
  name: string;
  url?: string;
  /** Whether it signs its state; undefined: it is no registry. */
  signed?: boolean;
  /** sha256 of the registry's first root, where it signs. */
  root?: string;
  /** Somebody has named that root, or it was known here before. */
  checked?: boolean;
  /** ISO 8601; since when its root is known here. */
  knownSince?: string;
  generation: number;
}

function add(ctx: Context, registries: Registries): Operation {
  return {
    group: "marketplace",
    name: "add",
    summary: "Add a registry, or a marketplace.json, to what packages come from",
    access: "owner",
    args: [
      { name: "name", summary: "Your name for it, such as acme", required: true },
      { name: "url", summary: "A folder or an http(s) address; of a marketplace.json or of a registry", required: true },
    ],
    options: {
      root: { type: "string", value: "HASH", summary: "Fingerprint of the registry's first root" },
      first: { type: "boolean", summary: "Ask it before the others" },
      "any-age": { type: "boolean", summary: "Its versions need no minimum age: your own registry" },
    },
    examples: ["add acme https://plugins.acme.example --root 3f…", "add tools ./tools/.claude-plugin/marketplace.json"],
    async *run({ input, cwd, signal }): AsyncGenerator<string, Changed> {
      const name = String(input.name);
      if (!NAME.test(name)) throw usage("A marketplace's name has small letters, digits and dashes only.");
      const known = configuredMarketplaces(ctx);
      if (name === BUILT_IN.name || known.some((one) => one.name === name)) throw usage(`There is a marketplace ${name} already.`);
      const typed = String(input.url);
      const url = /^[a-z][a-z0-9+.-]*:/i.test(typed) || isAbsolute(typed) ? typed : resolve(cwd, typed);
      yield `Looking at ${safe(url, 120)} …`;
      const { assertNoUser } = await import("@plinth/registry");
      assertNoUser(url);
      if (typeof input.root === "string" && !/^[0-9a-f]{64}$/.test(input.root)) throw usage("A fingerprint has 64 hexadecimal digits.");
      const given: Marketplace = {
        name,
        url,
        ...(typeof input.root === "string" ? { root: input.root } : {}),
        ...(input["any-age"] === true ? { anyAge: true } : {}),
      };
      const { kind, client } = await kindOf(ctx, registries, given, signal);
      const place: Marketplace = { ...given, ...(kind === "claude" ? { kind } : {}) };
      const value = input.first === true ? [place, ...known] : [...known, place];
      const { generation } = await ctx.use("plinth.host-admin").one().configSet({ path: PATH, value }, { signal });
      if (client === undefined) return { name, url, generation };
      // What was shown is what is kept: from here on this registry has to sign, under every spelling of its address.
      const { state } = await client.standing({ signal });
      if (state === undefined) return { name, url: addressShown(url), signed: false, generation };
      const { fingerprint: root = "", since: knownSince = "" } = state;
      const checked = given.root !== undefined || ctx.clock.now() - Date.parse(knownSince) > NOW_MS;
      return { name, url: addressShown(url), signed: true, root, checked, knownSince, generation };
    },
    report(result: Changed) {
      const { name, url, signed, root, checked } = result;
      const blocks: Block[] = [{ text: `${code(name)} is asked for packages now: ${code(String(url))}` }];
      if (root !== undefined) {
        const known = checked ? "It is the one that you named, or that was known here." : "First met now: it is believed as it came.";
        blocks.push(
          { facts: [["Root", root]] },
          { text: `${known} From now on it has to sign with what follows from this root, and nothing older or forked is believed.` },
        );
        if (!checked) {
          blocks.push({
            text: `Whoever runs it can tell you the same fingerprint: if they tell another one, ${code(`plinth marketplace remove ${name}`)}`,
          });
        }
      } else if (signed === false) {
        blocks.push({ text: "It signs nothing: what it lists is unproven, and its versions are as old as this host has known them." });
      }
      if (ctx.env.PLINTH_REGISTRY) blocks.push({ text: "While PLINTH_REGISTRY is set, only the registry that it names is asked." });
      return { blocks };
    },
  };
}

function remove(ctx: Context): Operation {
  return {
    group: "marketplace",
    name: "remove",
    summary: "Take a marketplace away; what was installed from it stays",
    access: "owner",
    args: [{ name: "name", summary: "Such as acme", required: true }],
    examples: ["remove acme"],
    async *run({ input, signal }): AsyncGenerator<string, Changed> {
      const known = configuredMarketplaces(ctx);
      const name = String(input.name);
      if (!known.some((one) => one.name === name)) throw unknown(name, known);
      yield `Removing ${safe(name, 60)} …`;
      const value = known.filter((one) => one.name !== name);
      const { generation } = await ctx.use("plinth.host-admin").one().configSet({ path: PATH, value }, { signal });
      return { name, generation };
    },
    report: ({ name }: Changed) => ({ blocks: [{ text: `${code(name)} is not asked any more.` }] }),
  };
}

/** What is at an address: a marketplace.json or a registry. Neither: the registry's own error says what is missing. */
async function kindOf(
  ctx: Context,
  registries: Registries,
  place: Marketplace,
  signal: AbortSignal,
): Promise<{ kind: "registry" | "claude"; client?: RegistryClient }> {
  if (place.url.endsWith(".json")) {
    await readOffers(ctx, place, signal);
    return { kind: "claude" };
  }
  const client = await registries.open(place);
  try {
    // Its signed state, checked against what is known here and the fingerprint, or without one its root document has to be there.
    if ((await client.standing({ signal })).state === undefined) await client.keysOf("nobody", { signal });
    return { kind: "registry", client };
  } catch (thrown) {
    // Only where there is no registry at all: one that is not believed is not taken for something else.
    const isNone = place.root === undefined && errorInfo(thrown).code === "PLINTH_REGISTRY_UNREACHABLE";
    if (isNone && (await readOffers(ctx, place, signal).catch(() => undefined)) !== undefined) return { kind: "claude" };
    throw thrown;
  }
}

function unknown(name: string, known: readonly Marketplace[]): PlinthError {
  return new PlinthError("PLINTH_MARKETPLACE", `There is no marketplace ${JSON.stringify(name.slice(0, 60))}.`, {
    next: known.length > 0 ? `There is ${known.map((one) => one.name).join(", ")}.` : "Add one: plinth marketplace add NAME URL",
  });
}

function usage(message: string): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: "Type it like this: plinth marketplace add acme https://plugins.acme.example" });
}
