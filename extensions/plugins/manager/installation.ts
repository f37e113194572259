import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Context, errorInfo, type Manifest, PlinthError } from "@plinth/sdk";
import { Consents, named, type Waiting } from "./consent.ts";
import type { Registries } from "./market/registries.ts";
import { releasePolicyOf } from "./market/settings.ts";
import type { Requester } from "./operation.ts";
import { safe } from "./report.ts";
import { Preparation, type Prepared } from "./set/preparation.ts";
import { Previous } from "./set/previous.ts";
import type { Asked, Resolution } from "./set/resolution.ts";
import type { Package, Part, Step } from "./set/step.ts";
import { parsePackage, parseSpec } from "./spec.ts";
import { spoken } from "./spoken.ts";
import { Staging } from "./staging.ts";
import { readWorld, type World } from "./world.ts";

export type InstallResult =
  | { status: "unchanged"; id: string; version: string }
  | ({ status: "needs-consent"; code: string; expiresAt: number; along: Part[] } & Part)
  | Installed;

/** `parts` are there when nobody was shown them before. */
export interface Installed extends Named {
  status: "installed";
  generation: number;
  provides: Provided[];
  hooks: string[];
  along: Named[];
  parts?: Part[];
}

interface Named {
  id: string;
  version: string;
  title: string;
  source: string;
  /** The version that was there before. */
  replaces?: string;
}

export type Provided = NonNullable<Manifest["provides"]>[number];

/** Who says yes: `quiet` goes on by itself where nothing is widened and nothing new comes along. */
export type Decision = "ask" | "quiet" | "yes";

/** The one way in: fetch, resolve the whole set, inspect, ask the gates, ask the owner, commit all or nothing. */
export class Installation {
  readonly registries: Registries;
  readonly previous: Previous;
  readonly #ctx: Context;
  readonly #staging: Staging;
  readonly #consents: Consents;
  readonly #preparation: Preparation;

  constructor(ctx: Context, registries: Registries) {
    this.#ctx = ctx;
    this.registries = registries;
    this.previous = new Previous(ctx);
    this.#staging = new Staging(ctx.dataDir);
    this.#consents = new Consents(ctx, (dir) => this.#staging.remove(dir));
    this.#preparation = new Preparation(ctx, this.#staging, registries);
  }

  /** Removes expired packages and what dead processes left. The store is read only when there is something. */
  async sweep(): Promise<void> {
    if (await this.#staging.isEmpty()) return;
    await this.#staging.sweep(await this.#consents.folders(), this.#ctx.clock.now());
  }

  /** At a start: what killed processes kept for changes that never came, too. */
  async tidyUp(): Promise<void> {
    await this.sweep();
    if (!(await this.previous.exists()) || (await this.#staging.othersWork())) return;
    await this.previous.prune((await readWorld(this.#ctx)).installed, false);
  }

  async *install(spec: string, yes: boolean, cwd: string, requester: Requester, signal: AbortSignal): AsyncGenerator<string, InstallResult> {
    const world = await readWorld(this.#ctx);
    const staged: string[] = [];
    let waits = false;
    try {
      const prepared = yield* this.prepareSpec(spec, world, cwd, staged, signal);
      const [root] = prepared.parts as [Part];
      if (prepared.parts.length === 1 && (await this.#isInstalled(prepared, world))) {
        return { status: "unchanged", id: root.id, version: root.version };
      }
      const result = yield* this.settle(prepared, yes ? "yes" : "ask", requester, signal);
      waits = result.status === "needs-consent";
      return result;
    } finally {
      if (!waits) await this.drop(staged);
    }
  }

  /** What a spec names, with everything that it needs. What was asked for comes first. */
  async *prepareSpec(spec: string, world: World, cwd: string, staged: string[], signal: AbortSignal): AsyncGenerator<string, Prepared> {
    await this.sweep();
    yield `Fetching ${safe(spec, 120)} …`;
    const steps = yield* spoken(() => this.#stepsFor(spec, cwd, staged, world, signal));
    return yield* this.#preparation.prepare(steps, world, cwd, staged, signal);
  }

  async *confirm(code: string, requester: Requester, signal: AbortSignal): AsyncGenerator<string, Installed> {
    const waiting = await this.#consents.take(code, requester);
    try {
      for (const dir of waiting.staged) {
        if (await this.#staging.has(dir)) continue;
        throw new PlinthError("PLINTH_CONSENT_EXPIRED", `The package of ${named(waiting)} is not waiting any more.`, {
          next: "Ask for the installation again.",
        });
      }
      yield `Installing ${named(waiting)} …`;
      return await this.#commit(waiting, signal);
    } finally {
      await this.drop(waiting.staged);
    }
  }

  /** Fetch and judge a set. The caller drops `staged`, unless the set waits for consent. */
  async *prepare(steps: readonly Step[], world: World, cwd: string, staged: string[], signal: AbortSignal): AsyncGenerator<string, Prepared> {
    await this.sweep();
    return yield* this.#preparation.prepare(steps, world, cwd, staged, signal);
  }

  /** Install a prepared set, or ask for it once for all of it. */
  async *settle(
    prepared: Prepared,
    decision: Decision,
    requester: Requester,
    signal: AbortSignal,
  ): AsyncGenerator<string, Extract<InstallResult, { status: "needs-consent" | "installed" }>> {
    const { parts, packages, learns, staged, granted, quiet } = prepared;
    const [root, ...along] = parts as [Part, ...Part[]];
    const replaces = Object.fromEntries(parts.flatMap((part) => (part.replaces === undefined ? [] : [[part.id, part.replaces]])));
    const waiting: Waiting = { packages, staged, replaces, learns };
    if (decision === "yes" || granted || (decision === "quiet" && quiet)) {
      yield `Installing ${named(waiting)} …`;
      return { ...(await this.#commit(waiting, signal)), parts };
    }
    const { code, expiresAt } = await this.#consents.ask(waiting, requester);
    return { status: "needs-consent", ...root, along, code, expiresAt };
  }

  async drop(staged: readonly string[]): Promise<void> {
    for (const dir of staged) await this.#staging.remove(dir);
  }

  /** The versions that fit together, as steps; what stays as it is takes none. */
  async resolve(asked: readonly Asked[], world: World, signal: AbortSignal, fetched: ReadonlyMap<string, Step> = new Map()): Promise<Step[]> {
    const { resolveSet } = await import("./set/resolution.ts");
    const resolution: Resolution = { world, registries: this.registries, policy: releasePolicyOf(this.#ctx), now: this.#ctx.clock.now(), signal };
    const steps: Step[] = [];
    for (const { id, asked: isAsked, because, from } of await resolveSet(asked, "the request", resolution)) {
      const step = fetched.get(id);
      if (step !== undefined) steps.push({ ...step, because: [] });
      else if (typeof from === "object") steps.push({ id, asked: isAsked, because, from });
    }
    return steps.sort((a, b) => Number(b.asked) - Number(a.asked));
  }

  async #stepsFor(spec: string, cwd: string, staged: string[], world: World, signal: AbortSignal): Promise<Step[]> {
    const { scheme, rest } = parseSpec(spec, cwd);
    if (scheme === "registry") {
      const { id, range } = parsePackage(rest);
      const steps = await this.resolve([await this.#askedFor(id, range, world, signal)], world, signal);
      if (steps.some((step) => step.asked)) return steps;
      return [{ id, asked: true, because: [], from: this.#installedFrom(id, world) }, ...steps];
    }
    const fetched = await this.#preparation.fetchSpec(spec, cwd, staged, signal);
    const manifest = await readManifest(fetched.dir);
    const step: Step = { asked: true, because: [], from: { fetched } };
    if (manifest === undefined || isAlone(manifest, world)) return [step];
    const asked: Asked = { id: manifest.id, range: manifest.version, exact: true, local: manifest };
    return await this.resolve([asked], world, signal, new Map([[manifest.id, { ...step, id: manifest.id }]]));
  }

  /** What is installed already, as a step: it is checked again, and asked for again where its grant is gone. */
  #installedFrom(id: string, { installed }: World): Step["from"] {
    const { dir, lock } = installed.get(id) as NonNullable<ReturnType<World["installed"]["get"]>>;
    const { version: _version, digest: _digest, pinnedBy: _pinnedBy, reason: _reason, ...provenance } = lock;
    return { dir: dir ?? "", provenance };
  }

  /** A tag is the version that it names now. */
  async #askedFor(id: string, range: string | undefined, world: World, signal: AbortSignal): Promise<Asked> {
    const { default: semver } = await import("semver");
    if (range === undefined || range === "latest") return { id, range: "*", exact: false };
    if (semver.validRange(range) !== null) return { id, range, exact: semver.valid(range) !== null };
    const { client } = await this.registries.facts(id, signal, world.installed.get(id)?.lock.registry);
    return { id, range: (await client.resolve(id, range, { signal })).version, exact: false };
  }

  async #isInstalled({ packages }: Prepared, world: World): Promise<boolean> {
    const [one] = packages as [Package];
    const installed = world.installed.get(one.id);
    if (installed === undefined || installed.digest !== one.digest) return false;
    // The same files from elsewhere, or asked for by somebody now: the lock has to say so.
    if (installed.lock.source !== one.source || installed.lock.pinnedBy !== one.pinnedBy) return false;
    const { status } = await this.#ctx.use("plinth.host").one().describe({ id: one.id });
    return status.state === "ready" || status.state === "active";
  }

  async #commit({ packages, replaces, learns = [] }: Waiting, signal: AbortSignal): Promise<Installed> {
    // The yes is there, and the keys come first: what is installed is always signed by a key that is known.
    const trust = await this.registries.trust();
    for (const one of learns) await trust.learn(one);
    // Seen by other processes as long as this is on its way.
    const mark = await this.#staging.open();
    try {
      return await this.#replace(packages, replaces, signal);
    } finally {
      await this.#staging.remove(mark);
    }
  }

  async #replace(packages: Package[], replaces: Waiting["replaces"], signal: AbortSignal): Promise<Installed> {
    const world = await readWorld(this.#ctx);
    const at = this.#ctx.clock.now();
    for (const { id } of packages) {
      const before = world.installed.get(id);
      if (before !== undefined && replaces[id] !== undefined) await this.previous.keep(id, before, at, world.snapshot.grants.get(id)?.consent);
    }
    const input = packages.map(({ id: _id, version: _version, ...rest }) => rest);
    const { generation } = await this.#ctx.use("plinth.host-admin").one().installSet({ packages: input }, { signal });
    const manifests = await this.#manifests();
    const names = packages.map(({ id, version, source }): Named => {
      const before = replaces[id];
      return { id, version, title: manifests.get(id)?.title ?? id, source, ...(before === undefined ? {} : { replaces: before }) };
    });
    const [root, ...along] = names as [Named, ...Named[]];
    const manifest = manifests.get(root.id);
    const hooks = (manifest?.hooks ?? []).map(({ on }) => on);
    return { status: "installed", ...root, generation, provides: manifest?.provides ?? [], hooks, along };
  }

  /** For the message only: the installation is done, whether or not this works. */
  async #manifests(): Promise<Map<string, Manifest>> {
    try {
      return new Map([...(await readWorld(this.#ctx)).installed].map(([id, { manifest }]) => [id, manifest]));
    } catch (thrown) {
      this.#ctx.log.warn("The installed extensions could not be described.", { error: errorInfo(thrown) });
      return new Map();
    }
  }
}

const MANIFEST_BYTES = 524_288;

/** What a fetched package says of itself; undefined where it is no manifest, which the host tells better. */
async function readManifest(dir: string): Promise<Manifest | undefined> {
  const text = await readFile(join(dir, "plinth.json"), "utf8").catch(() => "");
  if (text.length > MANIFEST_BYTES) return undefined;
  const { manifestProblems } = await import("@plinth/registry");
  try {
    const found = JSON.parse(text) as unknown;
    return (await manifestProblems(found)).length === 0 ? (found as Manifest) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether other extensions have a say in it. */
function isAlone({ id, extensions }: Manifest, { installed, bundled }: World): boolean {
  if (bundled.has(id) || id.startsWith("plinth.")) return true;
  return Object.keys(extensions ?? {}).length === 0 && ![...installed.values()].some(({ manifest }) => manifest.extensions?.[id] !== undefined);
}
