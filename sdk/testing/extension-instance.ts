import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest, Pin } from "@plinth/manifests";
import { secretHandle } from "@plinth/manifests/secret-handle.ts";
import { Secrets } from "@plinth/manifests/secrets.ts";
import { PlinthError } from "../extension/errors.ts";
import { filesOf } from "../extension/files.ts";
import type { Call, CallOptions, Context, Disposer, Extension, Principal, Scope, Store, Uses } from "../extension/index.ts";
import { runProgram } from "../extension/program.ts";
import { startSocket } from "../extension/socket.ts";
import { spawnProgram } from "../extension/spawn.ts";
import { createFetch, type FetchRules } from "./bounded-fetch.ts";
import type { Implementation } from "./capability-call.ts";
import { roadsOf } from "./host-roads.ts";
import { schemaProblems } from "./json-schema.ts";
import type { WorkScope } from "./work.ts";

export interface LogLine {
  extension: string;
  level: "debug" | "info" | "warn" | "error";
  message: string;
  fields?: Record<string, unknown>;
}

/** What an instance needs of the host it lives in. */
export interface InstanceHost {
  readonly home: string;
  readonly works: WorkScope;
  readonly allowNet: boolean;
  use(contract: string, caller: string): Uses<any>;
  fire(hook: string, payload: unknown, caller: string, options: CallOptions): Promise<unknown>;
  /** The contract that owns a hook. */
  hookContract(hook: string): string;
  log(line: LogLine): void;
}

export interface InstanceOptions {
  readonly manifest: Manifest;
  readonly extension: Extension<any>;
  readonly config: unknown;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly pins: readonly Pin[];
  readonly store: Store;
}

type HookFunction = (payload: any, call: Call) => unknown;

/** One extension in a test host: activated on first use, held to its manifest, stopped newest effect first. */
export class ExtensionInstance {
  readonly manifest: Manifest;
  readonly #options: InstanceOptions;
  readonly #host: InstanceHost;
  readonly #stop = new AbortController();
  readonly #provided = new Map<string, Implementation>();
  readonly #handlers = new Map<string, HookFunction>();
  readonly #effects: { label: string; dispose: Disposer }[] = [];
  readonly #scopes = new Map<string, Scope>();
  #activation: Promise<void> | undefined;

  constructor(options: InstanceOptions, host: InstanceHost) {
    this.manifest = options.manifest;
    this.#options = options;
    this.#host = host;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  get active(): boolean {
    return this.#activation !== undefined;
  }

  activate(): Promise<void> {
    this.#activation ??= this.#activate();
    return this.#activation;
  }

  async implementation(contract: string, id: string): Promise<Implementation> {
    await this.activate();
    return this.#provided.get(`${contract}/${id}`)!;
  }

  async handler(hook: string): Promise<HookFunction> {
    await this.activate();
    return this.#handlers.get(hook)!;
  }

  /** Dispose every effect, newest first; a failing one does not keep the others. */
  async close(): Promise<unknown[]> {
    this.#stop.abort(new PlinthError("PLINTH_STOPPING", `${this.manifest.id} is stopping.`, { extension: this.manifest.id }));
    await this.#activation?.catch(() => {});
    const failures: unknown[] = [];
    for (const { dispose } of this.#effects.splice(0).reverse()) {
      await Promise.resolve()
        .then(dispose)
        .catch((error) => failures.push(error));
    }
    for (const scope of [...this.#scopes.values()]) await scope.dispose().catch((error) => failures.push(error));
    return failures;
  }

  async #activate(): Promise<void> {
    // Activation belongs to no work: whoever triggers it must not lend the extension an identity.
    const dispose = await this.#host.works.within(undefined, async () => this.#options.extension.activate(this.#context()));
    if (typeof dispose === "function") this.#effects.push({ label: "activate", dispose });
    const missing = [
      ...(this.manifest.provides ?? []).map(({ contract, id }) => `${contract}/${id}`).filter((key) => !this.#provided.has(key)),
      ...(this.manifest.hooks ?? []).map(({ on }) => on).filter((name) => !this.#handlers.has(name)),
    ];
    if (missing.length > 0) {
      throw this.#error(
        "PLINTH_NOT_PROVIDED",
        `It declares ${missing.join(", ")} but did not provide it when it was activated.`,
        "Provide it in activate(), or remove it from plinth.json.",
      );
    }
  }

  #context(): Context<any> {
    const { manifest } = this;
    const { permissions = {} } = manifest;
    const instance = this;
    const host = this.#host;
    const secrets = new Secrets(async (name) => this.#options.secrets[name] ?? null);
    const rules: FetchRules = { manifest, secrets, pins: this.#options.pins, allowNet: host.allowNet, stopped: this.#stop.signal };
    const roads = roadsOf(rules, host.home, (contract) => host.use(contract, "host"));
    const undeclared = (what: string, where: string) =>
      this.#error("PLINTH_UNDECLARED", `It did not declare ${what}.`, `Add it to "${where}" in plinth.json.`);
    const secret = (name: string): string => {
      if (!permissions.secrets?.includes(name)) throw undeclared(`the secret ${name}`, "permissions.secrets");
      return name;
    };
    const write = (level: LogLine["level"]) => (message: string, fields?: Record<string, unknown>) =>
      host.log({ extension: manifest.id, level, message, ...(fields ? { fields } : {}) });
    return {
      id: manifest.id,
      version: manifest.version,
      config: Object.freeze(this.#options.config ?? {}),
      signal: this.#stop.signal,
      store: this.#options.store,
      secrets: {
        has: (name: string) => secrets.has(secret(name)),
        handle: (name: string) => secretHandle(secret(name)),
      },
      log: { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
      clock: { now: Date.now, sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}) },
      env: Object.freeze(Object.fromEntries(Object.entries(this.#options.env).filter(([name]) => permissions.env?.includes(name)))),
      get dataDir() {
        if (!permissions.fs?.some((entry) => entry === "data" || entry === "data:ro")) throw undeclared("its own folder", 'permissions.fs: ["data"]');
        const path = join(host.home, "state", manifest.id);
        mkdirSync(path, { recursive: true });
        return path;
      },
      use: (contract: string) => {
        if (!manifest.uses?.some((use) => use.contract === contract)) throw undeclared(`that it uses ${contract}`, "uses");
        return host.use(contract, manifest.id);
      },
      provide: (contract: string, id: string, provider: unknown) => {
        if (!manifest.provides?.some((one) => one.contract === contract && one.id === id)) throw undeclared(`${contract}/${id}`, "provides");
        this.#provided.set(`${contract}/${id}`, provider as Implementation);
      },
      hooks: {
        on: (hook: string, handler: HookFunction) => {
          if (!manifest.hooks?.some(({ on }) => on === hook)) throw undeclared(`the hook ${hook}`, "hooks");
          this.#handlers.set(hook, handler);
        },
        fire: (async (hook: string, payload: unknown, options: CallOptions = {}) => {
          const contract = host.hookContract(hook);
          if (!manifest.provides?.some((one) => one.contract === contract))
            throw undeclared(`${contract}, whose providers alone fire ${hook}`, "provides");
          return host.fire(hook, payload, manifest.id, options);
        }) as Context["hooks"]["fire"],
      },
      fetch: createFetch(rules),
      connect: (url, options) => startSocket(roads, this.#stop.signal, url, options),
      files: filesOf(roads),
      exec: (program, args, options) => runProgram(roads, this.#stop.signal, program, args, options),
      spawn: (program, args, options) => spawnProgram(roads, this.#stop.signal, program, args, options),
      validate: schemaProblems,
      work: async <T>(principal: Principal, body: () => Promise<T>): Promise<T> => {
        if (!(permissions.principals as string[] | undefined)?.includes(principal.role))
          throw undeclared(`that it acts for ${principal.role}`, "permissions.principals");
        return host.works.run(principal, body);
      },
      currentWork: host.works.current,
      lower: async (party: string, how: string) => host.works.lower(party, how),
      scope: (name: string) => this.#scope(name),
      effect(label: string, dispose: Disposer) {
        const entry = { label, dispose };
        instance.#effects.push(entry);
        return async () => {
          const at = instance.#effects.indexOf(entry);
          if (at < 0) return;
          instance.#effects.splice(at, 1);
          await dispose();
        };
      },
    };
  }

  #scope(name: string): Scope {
    const known = this.#scopes.get(name);
    if (known) return known;
    const values = new Map<string, unknown>();
    const scope: Scope = {
      get: <T>(token: string, make: () => T) => {
        if (!values.has(token)) values.set(token, make());
        return values.get(token) as T;
      },
      dispose: async () => {
        if (this.#scopes.get(name) === scope) this.#scopes.delete(name);
        for (const value of [...values.values()].reverse()) await (value as { dispose?: () => unknown } | null)?.dispose?.();
        values.clear();
      },
    };
    this.#scopes.set(name, scope);
    return scope;
  }

  #error(code: string, message: string, next: string): PlinthError {
    return new PlinthError(code, `${this.manifest.id}: ${message}`, { extension: this.manifest.id, next });
  }
}
