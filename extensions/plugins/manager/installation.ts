import { type Candidate, type Context, errorInfo, type Manifest, PlinthError } from "@plinth/sdk";
import { Consents, type Waiting } from "./consent.ts";
import type { Requester } from "./operation.ts";
import { safe } from "./report.ts";
import { parsePackage, parseSpec } from "./spec.ts";
import { Staging } from "./staging.ts";

export type InstallResult =
  | { status: "unchanged"; id: string; version: string }
  | ({ status: "needs-consent"; code: string; expiresAt: number; asks: string[]; widens: string[]; signedBy: string | null } & Named)
  | Installed;

/** `asks` and `widens` are there when nobody was shown them before. */
export type Installed = {
  status: "installed";
  generation: number;
  provides: Provided[];
  hooks: string[];
  asks?: string[];
  widens?: string[];
} & Named;

interface Named {
  id: string;
  version: string;
  title: string;
  source: string;
  /** The version that was there before. */
  replaces?: string;
}

export type Provided = NonNullable<Manifest["provides"]>[number];

interface Fetched {
  dir: string;
  source: string;
  integrity?: string;
  signature?: { keyId: string; signature: string };
  /** In words, who vouches for it; null for nobody. */
  signedBy: string | null;
}

/** The one way in: fetch, inspect, ask the gates, ask the owner, commit. Whatever fails leaves no folder behind. */
export class Installation {
  readonly #ctx: Context;
  readonly #staging: Staging;
  readonly #consents: Consents;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    this.#staging = new Staging(ctx.dataDir);
    this.#consents = new Consents(ctx, (dir) => this.#staging.remove(dir));
  }

  /** Removes expired packages and what dead processes left. The store is read only when there is something. */
  async sweep(): Promise<void> {
    if (await this.#staging.isEmpty()) return;
    await this.#staging.sweep(await this.#consents.folders(), this.#ctx.clock.now());
  }

  async *install(spec: string, yes: boolean, cwd: string, requester: Requester, signal: AbortSignal): AsyncGenerator<string, InstallResult> {
    await this.sweep();
    const dir = await this.#staging.open();
    let waits = false;
    try {
      yield `Fetching ${safe(spec, 120)} …`;
      const fetched = await this.#fetch(spec, cwd, dir, signal);
      yield "Checking what it is and what it asks for …";
      const candidate = await this.#admin.inspect({ dir }, { signal });
      this.#assertAsked(spec, cwd, candidate);
      if (await this.#isInstalled(candidate)) return { status: "unchanged", id: candidate.id, version: candidate.version };
      await this.#askGates(candidate, fetched, signal);
      const waiting = waitingOf(candidate, fetched);
      const { asks, widens } = candidate.consent;
      if (yes || candidate.consent.granted) {
        yield `Installing ${candidate.id} ${candidate.version} …`;
        const done = await this.#commit(waiting, yes ? "installed with --yes" : "consented before", signal);
        return { ...done, asks, widens };
      }
      const { code, expiresAt } = await this.#consents.ask(waiting, requester);
      waits = true;
      const named = { id: waiting.id, version: waiting.version, title: titleOf(candidate), source: waiting.source };
      const replaces = candidate.replaces === undefined ? {} : { replaces: candidate.replaces };
      return { status: "needs-consent", ...named, ...replaces, code, expiresAt, asks, widens, signedBy: fetched.signedBy };
    } finally {
      if (!waits) await this.#staging.remove(dir);
    }
  }

  async *confirm(code: string, requester: Requester, signal: AbortSignal): AsyncGenerator<string, InstallResult> {
    const waiting = await this.#consents.take(code, requester);
    try {
      if (!(await this.#staging.has(waiting.dir))) {
        throw new PlinthError("PLINTH_CONSENT_EXPIRED", `The package of ${waiting.id} is not waiting any more.`, {
          next: "Ask for the installation again.",
        });
      }
      yield `Installing ${waiting.id} ${waiting.version} …`;
      return await this.#commit(waiting, "confirmed with a code", signal);
    } finally {
      await this.#staging.remove(waiting.dir);
    }
  }

  get #admin() {
    return this.#ctx.use("plinth.host-admin").one();
  }

  async #fetch(text: string, cwd: string, into: string, signal: AbortSignal): Promise<Fetched> {
    const { scheme, rest } = parseSpec(text, cwd);
    const sources = this.#ctx.use("plinth.plugin-source");
    const all = await sources.list();
    const fitting = all.filter(({ descriptor }) => descriptor.scheme === scheme);
    // A scheme of ours stays ours, whoever else claims it.
    const source = fitting.find(({ extension }) => extension === this.#ctx.id) ?? fitting[0];
    if (!source) {
      throw new PlinthError("PLINTH_SPEC", `Nothing here installs from ${scheme}:`, {
        next: `There is ${[...new Set(all.map(({ descriptor }) => `${descriptor.scheme}:`))].join(", ")}.`,
      });
    }
    const fetched = await sources.get(source.id).fetch({ spec: rest, cwd, into }, { signal });
    if (source.descriptor.searchable && !fetched.signature) {
      // What can be searched is a market: its packages come from strangers.
      throw new PlinthError("PLINTH_UNSIGNED", `${safe(rest)} is not signed, and unsigned packages are not taken from ${source.descriptor.title}.`, {
        next: "Tell its publisher, or install it from a folder or archive that you trust.",
      });
    }
    return { ...fetched, dir: into, signedBy: signerOf(fetched.signature?.keyId, source.extension === this.#ctx.id, source.id) };
  }

  /** A registry must give the package that was asked for. */
  #assertAsked(text: string, cwd: string, candidate: Candidate): void {
    const { scheme, rest } = parseSpec(text, cwd);
    if (scheme !== "registry" || parsePackage(rest).id === candidate.id) return;
    throw new PlinthError("PLINTH_PACKAGE_MISMATCH", `${rest} was asked for, but the package is ${candidate.id}.`, {
      next: "Do not install it; tell who runs the registry.",
    });
  }

  async #isInstalled({ id, digest, replaces }: Candidate): Promise<boolean> {
    if (replaces === undefined) return false;
    const { lock, status } = await this.#ctx.use("plinth.host").one().describe({ id });
    return (lock as { digest?: string } | undefined)?.digest === digest && (status.state === "ready" || status.state === "active");
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

  async #commit(waiting: Waiting, reason: string, signal: AbortSignal): Promise<Installed> {
    const { id, version, replaces, ...rest } = waiting;
    const { generation } = await this.#admin.install({ ...rest, pinnedBy: "operator", reason }, { signal });
    const manifest = await this.#manifestOf(id);
    return {
      status: "installed",
      id,
      version,
      title: manifest?.title ?? id,
      source: waiting.source,
      ...(replaces === undefined ? {} : { replaces }),
      generation,
      provides: manifest?.provides ?? [],
      hooks: (manifest?.hooks ?? []).map(({ on }) => on),
    };
  }

  /** For the message only: the installation is done, whether or not this works. */
  async #manifestOf(id: string): Promise<Manifest | undefined> {
    try {
      return (await this.#ctx.use("plinth.host").one().describe({ id })).manifest as Manifest;
    } catch (thrown) {
      this.#ctx.log.warn("The installed extension could not be described.", { id, error: errorInfo(thrown) });
      return undefined;
    }
  }
}

function waitingOf(candidate: Candidate, { dir, source, integrity, signature }: Fetched): Waiting {
  return {
    id: candidate.id,
    version: candidate.version,
    dir,
    digest: candidate.digest,
    consent: candidate.consent.hash,
    source,
    ...(integrity ? { integrity } : {}),
    ...(signature ? { signature } : {}),
    ...(candidate.replaces === undefined ? {} : { replaces: candidate.replaces }),
  };
}

function signerOf(keyId: string | undefined, own: boolean, source: string): string | null {
  if (keyId === undefined) return null;
  return own ? `key ${keyId}, checked against the publisher's known key` : `key ${keyId}, as the source ${source} says`;
}

function titleOf(candidate: Candidate): string {
  return (candidate.manifest as Manifest).title;
}
