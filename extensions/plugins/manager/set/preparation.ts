import type { Learned } from "@plinth/registry";
import { type Candidate, type Context, type Manifest, PlinthError } from "@plinth/sdk";
import { fetcherOf } from "../market/built-in.ts";
import { partyNotices } from "../market/parties.ts";
import { alarmsOf, assertTrusted, noticesOf } from "../market/policy.ts";
import type { Facts, Registries } from "../market/registries.ts";
import { releasePolicyOf } from "../market/settings.ts";
import { cardOf, claimedCard, keptCard, keyWords } from "../market/trust-card.ts";
import { safe } from "../report.ts";
import { recordOf } from "../sources/registry.ts";
import { parsePackage, parseSpec } from "../spec.ts";
import { spoken } from "../spoken.ts";
import type { Staging } from "../staging.ts";
import { isOwnPackage, readWorld, type World } from "../world.ts";
import { type Fetched, type Package, type Part, pinOf, type Step } from "./step.ts";

export interface Prepared {
  parts: Part[];
  packages: Package[];
  /** What is kept of publishers and registries once an owner has consented. */
  learns: Learned[];
  /** Folders to remove when it is over. */
  staged: string[];
  /** An owner has consented to exactly all of this already. */
  granted: boolean;
  /** Nothing that is installed gets a new power, and nothing new comes along. */
  quiet: boolean;
}

/** What one of the product's own packages asks for: it runs where its bundled extensions do, wherever its manifest lets others run it. */
export function asOwn(asks: readonly string[], { tiers = [] }: Pick<Manifest, "tiers">): string[] {
  if (!tiers.includes("host")) return [...asks];
  return asks.map((ask) =>
    ask.startsWith("run in a process of its own") ? "run in the host's own process, as all that comes with the product" : ask,
  );
}

/** So many packages are fetched at once. */
const AT_ONCE = 6;

/** The road of every package, whatever its source: fetch, verify, check as one set, judge, ask the gates. */
export class Preparation {
  readonly #ctx: Context;
  readonly #staging: Staging;
  readonly #registries: Registries;

  constructor(ctx: Context, staging: Staging, registries: Registries) {
    this.#ctx = ctx;
    this.#staging = staging;
    this.#registries = registries;
  }

  /** @param staged gets each folder as soon as it is there, so that the caller can remove them whatever happens. */
  async *prepare(steps: readonly Step[], world: World, cwd: string, staged: string[], signal: AbortSignal): AsyncGenerator<string, Prepared> {
    const fetched: Fetched[] = [];
    const more = steps.filter(({ from }) => !("fetched" in from));
    if (more.length > 1) yield `Fetching ${more.length} packages …`;
    for (let at = 0; at < steps.length; at += AT_ONCE) {
      const next = steps.slice(at, at + AT_ONCE);
      fetched.push(...(yield* spoken(() => Promise.all(next.map((step) => this.#fetch(step, cwd, staged, signal))))));
    }
    yield "Checking what it is and what it asks for …";
    const dirs = fetched.map(({ dir }) => dir);
    const { candidates } = await this.#ctx.use("plinth.host-admin").one().inspectSet({ dirs }, { signal });
    const prepared: Prepared = { parts: [], packages: [], learns: [], staged, granted: true, quiet: true };
    for (const [at, candidate] of candidates.entries()) {
      yield* spoken(() => this.#take(prepared, steps[at] as Step, candidate, fetched[at] as Fetched, world, signal));
    }
    return prepared;
  }

  /** What a spec names, into a fresh folder. */
  async fetchSpec(text: string, cwd: string, staged: string[], signal: AbortSignal): Promise<Fetched> {
    const { scheme, rest } = parseSpec(text, cwd);
    const sources = this.#ctx.use("plinth.plugin-source");
    const all = await sources.list();
    const fitting = all.filter(({ descriptor }) => descriptor.scheme === scheme);
    // A scheme of ours stays ours, whoever else claims it.
    const source = fitting.find(({ extension }) => extension === this.#ctx.id) ?? fitting[0];
    if (!source) {
      const own = await fetcherOf(scheme, await readWorld(this.#ctx));
      throw new PlinthError("PLINTH_SPEC", `Nothing here installs from ${scheme}:`, {
        next:
          own !== undefined
            ? `${own} does, which comes with the product: plinth plugins install ${own}`
            : `There is ${[...new Set(all.map(({ descriptor }) => `${descriptor.scheme}:`))].join(", ")}.`,
      });
    }
    const into = await this.#open(staged);
    const fetched = await sources.get(source.id).fetch({ spec: rest, cwd, into }, { signal });
    if (source.descriptor.searchable && !fetched.signature) {
      // What can be searched is a market: its packages come from strangers.
      throw new PlinthError("PLINTH_UNSIGNED", `${safe(rest)} is not signed, and unsigned packages are not taken from ${source.descriptor.title}.`, {
        next: "Tell its publisher, or install it from a folder or archive that you trust.",
      });
    }
    const publisher = `the source ${source.id}`;
    // Whom a source of others names, and what it says was signed, is told and vouches for nothing here.
    const { registry: _registry, log: _log, signature, ...told } = fetched;
    return { ...told, dir: into, card: claimedCard(publisher, signature?.keyId, this.#ctx.clock.now()) };
  }

  async #fetch({ id, from, locked }: Step, cwd: string, staged: string[], signal: AbortSignal): Promise<Fetched> {
    if ("fetched" in from) return from.fetched;
    if ("dir" in from)
      return { ...from.provenance, dir: from.dir, card: keptCard(id ?? "", from.provenance.signature?.keyId, this.#ctx.clock.now()) };
    if ("spec" in from) {
      const { scheme, rest } = parseSpec(from.spec, cwd);
      if (scheme !== "registry") return await this.fetchSpec(from.spec, cwd, staged, signal);
      const { id: named, range } = parsePackage(rest);
      const facts = await this.#registries.facts(named, signal, locked?.registry);
      return await this.#download(facts, named, range ?? "latest", staged, signal);
    }
    return await this.#download(from.facts, id ?? from.entry.manifest.id, from.entry.version, staged, signal);
  }

  async #download(facts: Facts, id: string, version: string, staged: string[], signal: AbortSignal): Promise<Fetched> {
    const { client } = facts;
    const dir = await this.#open(staged);
    const download = await this.#registries.download(client, id, version, dir, signal);
    const card = await cardOf(this.#registries, client, download, facts, this.#ctx.clock.now());
    // The product's own key vouches for nothing: there is nothing to learn.
    return { ...recordOf(id, download), dir, card, ...(card.key?.is === "own" ? {} : { learned: download.learned }) };
  }

  async #open(staged: string[]): Promise<string> {
    const dir = await this.#staging.open();
    staged.push(dir);
    return dir;
  }

  async #take(prepared: Prepared, step: Step, candidate: Candidate, fetched: Fetched, world: World, signal: AbortSignal): Promise<void> {
    const { id, version, digest, consent } = candidate;
    if (step.id !== undefined && step.id !== id) {
      throw new PlinthError("PLINTH_PACKAGE_MISMATCH", `${step.id} was asked for, but the package is ${id}.`, {
        next: "Do not install it; tell who runs the registry.",
      });
    }
    assertLocked(step, candidate);
    const manifest = candidate.manifest as Manifest;
    const installed = world.installed.get(id);
    const { dir, card, learned, signature, root, ...others } = fetched;
    // A lockfile from before registries had identities stays as it is.
    const rest = root === undefined || (step.locked !== undefined && step.locked.root === undefined) ? others : { ...others, root };
    // Only a key that was known here before, or that a known one vouches for, follows from what is installed.
    const followed = card.key !== undefined && ["known", "follows", "kept"].includes(card.key.is);
    const judged = { id, version, ...rest, followed, ...(signature === undefined ? {} : { keyId: signature.keyId }) };
    // What a lockfile names was judged when it came into the lockfile.
    // The host admits exactly the bytes that the product names, whatever version they are and replace.
    const own = isOwnPackage(world, id);
    if (step.locked === undefined && !own) await assertTrusted(installed, judged, releasePolicyOf(this.#ctx));
    await this.#askGates(candidate, fetched, signal);
    // What the installed version does already was looked at when it came.
    const known = own || installed?.dir === undefined ? [] : await alarmsOf(installed.dir, installed.manifest, signal).catch(() => []);
    const alarms = (own ? [] : await alarmsOf(dir, manifest, signal)).filter((alarm) => !known.includes(alarm));
    const provenance = signature === undefined ? rest : { ...rest, signature };
    const parties = step.locked === undefined ? await partyNotices(installed, provenance, followed, candidate.kept) : [];
    const notices = [...card.warnings, ...parties, ...(await noticesOf(installed?.manifest, manifest)), ...alarms];
    const consented = (world.snapshot.grants.get(id)?.asks ?? []) as string[];
    const part: Part = {
      id,
      version,
      title: manifest.title,
      source: fetched.source,
      asked: step.asked,
      because: step.because,
      ...(candidate.replaces === undefined ? {} : { replaces: candidate.replaces }),
      asks: own ? asOwn(consent.asks, manifest) : consent.asks,
      widens: consent.widens,
      narrows: consented.filter((ask) => !consent.asks.includes(ask)),
      notices,
      signedBy: card.key === undefined ? null : keyWords(card),
      trust: card,
    };
    prepared.parts.push(part);
    if (learned !== undefined) prepared.learns.push(learned);
    prepared.packages.push({
      id,
      version,
      dir,
      digest,
      consent: consent.hash,
      ...provenance,
      ...pinOf(step, installed?.lock),
    });
    prepared.granted &&= consent.granted;
    const mayGoOn = installed !== undefined && world.snapshot.grants.has(id);
    prepared.quiet &&= consent.granted || (mayGoOn && consent.widens.length === 0 && notices.length === 0);
  }

  async #askGates(candidate: Candidate, fetched: Fetched, signal: AbortSignal): Promise<void> {
    const permissions = (candidate.manifest as Manifest).permissions ?? {};
    const { id, version, digest } = candidate;
    const payload = { id, version, digest, source: fetched.source, permissions, signed: fetched.signature !== undefined };
    const outcome = await this.#ctx.hooks.fire("install.before", payload, { signal });
    if (outcome.allowed) return;
    throw new PlinthError("PLINTH_INSTALL_DENIED", `${outcome.by} does not allow ${id} ${version}: ${outcome.reason}`, {
      extension: outcome.by,
      next: `Change the policy of ${outcome.by}, or choose another package.`,
    });
  }
}

/** Exactly what the lockfile says, to the byte. */
function assertLocked({ locked }: Step, { id, version, digest }: Candidate): void {
  if (locked === undefined || (locked.digest === digest && locked.version === version)) return;
  throw new PlinthError("PLINTH_LOCK_DIFFERS", `${id} ${version} is not what the lockfile names: its files differ from those of ${locked.version}.`, {
    next: "Do not install it, or make a new lockfile where it was made.",
  });
}
