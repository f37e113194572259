import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorInfo, type Manifest } from "@plinth/sdk";
import { knownContracts } from "../contracts/known-contracts.ts";
import { advised } from "./advice.ts";
import { callOf } from "./call-line.ts";
import { installContracts } from "./install-contracts.ts";
import { LiveHost, type LogLine } from "./live-host.ts";
import { buildProject } from "./project.ts";
import type { Installed, LiveRequest } from "./protocol.ts";

export type DevEvent =
  | { event: "loaded"; id: string; version: string; tier: string; size: number; buildMs: number; loadMs: number; totalMs: number; first: boolean }
  | { event: "log"; level: string; message: string; fields: Record<string, unknown> }
  | { event: "call"; what: string; input: unknown }
  | { event: "item"; item: unknown }
  | { event: "answer"; what: string; result: unknown; ms: number }
  | { event: "failed"; what: string; error: { code: string; message: string; next?: string }; ms: number };

const MAX_TEXT = 1_000_000;

/** One extension in a live host: built and loaded again when it changes, called when somebody asks. */
export class DevSession {
  readonly #live: LiveHost;
  readonly #project: string;
  readonly #sdk: { sdkDir?: string };
  readonly #builds: string;
  readonly #tell: (event: DevEvent) => void;
  #manifest: Manifest | undefined;
  #loading: Promise<boolean> | undefined;
  #again = false;
  /** The package that runs: changes that leave it as it is need no load. */
  #loaded: Buffer | undefined;
  #count = 0;

  private constructor(live: LiveHost, project: string, sdk: { sdkDir?: string }, builds: string, tell: (event: DevEvent) => void) {
    this.#live = live;
    this.#project = project;
    this.#sdk = sdk;
    this.#builds = builds;
    this.#tell = tell;
  }

  static async start(
    project: string,
    options: { bin: string | undefined; sdk: { sdkDir?: string }; home?: string },
    tell: (event: DevEvent) => void,
  ): Promise<DevSession> {
    const { readManifest } = await import("@plinth/registry");
    let { id } = await readManifest(project);
    const log = ({ level, extension, message, time: _, work: __, generation: ___, ...fields }: LogLine): void => {
      if (extension === id) tell({ event: "log", level, message, fields });
    };
    const live = await LiveHost.start(options.bin, { log, ...(options.home === undefined ? {} : { home: options.home }) });
    // A home that somebody keeps has the real ones installed.
    if (options.home === undefined) {
      await installContracts(live, project).catch(async (error: unknown) => {
        await live.stop();
        throw error;
      });
    }
    const builds = await mkdtemp(join(tmpdir(), "plinth-dev-"));
    return new DevSession(live, project, options.sdk, builds, (event) => {
      if (event.event === "loaded") id = event.id;
      tell(event);
    });
  }

  /** Build and load. What changes meanwhile is loaded after it. False: it failed, and what ran before still runs. */
  load(anyway = false): Promise<boolean> {
    if (anyway) this.#loaded = undefined;
    if (this.#loading !== undefined) {
      this.#again = true;
      return this.#loading;
    }
    this.#loading = (async () => {
      for (;;) {
        this.#again = false;
        const ok = await this.#loadOnce();
        if (!this.#again) return ok;
      }
    })().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async call(name: string, typed: string | undefined): Promise<boolean> {
    return this.#timed(name, async () => {
      const manifest = this.#manifest ?? ({ id: "it", provides: [] } as never);
      const request = callOf(manifest, name, typed, await knownContracts(this.#project, manifest));
      this.#tell({ event: "call", what: `${request.id}.${request.method}`, input: request.input });
      return request;
    });
  }

  async say(text: string): Promise<boolean> {
    return this.#timed("turn", async () => ({ op: "say", text }));
  }

  async stop(): Promise<void> {
    await this.#loading?.catch(() => {});
    await this.#live.stop();
    await rm(this.#builds, { recursive: true, force: true });
  }

  async #loadOnce(): Promise<boolean> {
    const began = performance.now();
    try {
      // Each build in a folder of its own: the host checks the one that it was told of.
      const into = join(this.#builds, String(++this.#count));
      const built = await buildProject(this.#project, into, this.#sdk);
      const loading = performance.now();
      if (this.#loaded?.equals(built.tarball)) {
        await rm(into, { recursive: true, force: true });
        return true;
      }
      const installed = await this.#live.ask<Installed>({ op: "install", dir: into, source: `link:${this.#project}` });
      const ended = performance.now();
      void rm(into, { recursive: true, force: true });
      const first = this.#manifest === undefined;
      this.#manifest = built.manifest;
      this.#loaded = built.tarball;
      const { id, version, tier } = installed;
      const times = { buildMs: loading - began, loadMs: ended - loading, totalMs: ended - began };
      this.#tell({ event: "loaded", id, version, tier, size: built.size, ...times, first });
      return true;
    } catch (error) {
      this.#tell({ event: "failed", what: "load", error: await advised(this.#project, errorInfo(error)), ms: performance.now() - began });
      return false;
    }
  }

  async #timed(what: string, make: () => Promise<LiveRequest>): Promise<boolean> {
    const began = performance.now();
    try {
      const request = await make();
      let text = "";
      const streamed = await this.#live.ask(request, (item) => {
        const { type, delta } = (item ?? {}) as { type?: unknown; delta?: unknown };
        // A model's words come in pieces; the answer has them in one.
        if (request.op === "call" && type === "text" && typeof delta === "string") text = (text + delta).slice(0, MAX_TEXT);
        else this.#tell({ event: "item", item });
      });
      const result = streamed ?? (text === "" ? undefined : text);
      this.#tell({ event: "answer", what, result, ms: performance.now() - began });
      return true;
    } catch (error) {
      this.#tell({ event: "failed", what, error: await advised(this.#project, errorInfo(error)), ms: performance.now() - began });
      return false;
    }
  }
}
