import { secretHandle } from "@plinth/manifests/secret-handle.ts";
import type {
  Bridge,
  CallOptions,
  FetchHead,
  FetchRequest,
  HookHandler,
  InstanceInfo,
  LogLine,
  ProviderObject,
  Registrations,
} from "@plinth/manifests/wire/bridge.ts";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { filesOf } from "./files.ts";
import { type ExecOptions, runProgram } from "./program.ts";
import { type SocketOptions, startSocket } from "./socket.ts";
import { type SpawnOptions, spawnProgram } from "./spawn.ts";

type Disposer = () => void | Promise<void>;

export interface LiveContext {
  readonly context: object;
  /** Everything undone, newest first; resolves when it is quiet. */
  dispose(reason: unknown): Promise<void>;
}

/**
 * The context of one extension instance, made from the host's bridge. It refuses what the manifest does not declare
 * early and with a clear error; the host refuses it again.
 */
export function createContext(bridge: Bridge, info: InstanceInfo, registrations: Registrations): LiveContext {
  const { manifest } = info;
  const { id } = manifest;
  const effects: { label: string; dispose: Disposer }[] = [];
  const stopping = new AbortController();
  const provided = new Set((manifest.provides ?? []).map((one) => `${one.contract}/${one.id}`));
  const used = new Set((manifest.uses ?? []).map((one) => one.contract));
  const hooked = new Set((manifest.hooks ?? []).map((one) => one.on));
  const clients = new Map<string, object>();

  const client = (contract: string, capability: string | null): object => {
    const key = `${contract}/${capability ?? ""}`;
    let made = clients.get(key);
    if (made === undefined) {
      const methods: Record<string, unknown> = Object.create(null);
      for (const [name, stream] of Object.entries(info.methods[contract] ?? {})) {
        methods[name] = stream
          ? (input: unknown, options: CallOptions = {}) => bridge.open(contract, capability, name, input, options)
          : (input: unknown, options: CallOptions = {}) => bridge.call(contract, capability, name, input, options);
      }
      clients.set(key, (made = Object.freeze(methods)));
    }
    return made;
  };

  const secretDeclared = (name: string): string => {
    if (!(manifest.permissions?.secrets ?? []).includes(name)) throw undeclared(id, `the secret ${name}`, "permissions.secrets");
    return name;
  };

  const log = (level: LogLine) => (message: string, fields?: Record<string, unknown>) => bridge.log(level, message, fields);
  const store = Object.freeze({
    get: async (key: string) => (await bridge.store()).get(key),
    set: async (key: string, value: unknown, ttlMs?: number) => (await bridge.store()).set(key, value, ttlMs),
    delete: async (key: string) => (await bridge.store()).delete(key),
    keys: async (prefix?: string) => (await bridge.store()).keys(prefix),
    clear: async () => (await bridge.store()).clear(),
  });

  const context = Object.freeze({
    id,
    version: manifest.version,
    config: info.config,
    env: Object.freeze({ ...info.env }),
    signal: stopping.signal,
    get dataDir(): string {
      if (info.dataDir === null) throw undeclared(id, 'a folder of its own, "data"', "permissions.fs");
      return info.dataDir;
    },
    store,
    secrets: Object.freeze({
      has: (name: string) => bridge.secretExists(secretDeclared(name)),
      handle: (name: string) => secretHandle(secretDeclared(name)),
    }),
    log: Object.freeze({ debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") }),
    clock: Object.freeze({ now: () => Date.now(), sleep }),
    use(contract: string) {
      if (!used.has(contract)) throw undeclared(id, `that it uses ${contract}`, "uses");
      return Object.freeze({
        list: () => bridge.list(contract),
        get: (capability: string) => client(contract, String(capability)),
        one: () => client(contract, null),
      });
    },
    provide(contract: string, capability: string, provider: ProviderObject) {
      if (!provided.has(`${contract}/${capability}`)) throw undeclared(id, `that it provides ${contract}/${capability}`, "provides");
      registrations.provide(contract, capability, provider);
    },
    hooks: Object.freeze({
      on(hook: string, handler: HookHandler) {
        if (!hooked.has(hook)) throw undeclared(id, `the hook ${hook}`, "hooks");
        registrations.on(hook, handler);
      },
      fire: (hook: string, payload: unknown, options: CallOptions = {}) => bridge.fire(hook, payload, options),
    }),
    fetch: (url: string, options: FetchOptions = {}) => startFetch(bridge, url, options),
    connect: (url: string, options?: SocketOptions) => startSocket(bridge, stopping.signal, url, options),
    files: filesOf(bridge),
    exec: (program: string, args?: readonly string[], options?: ExecOptions) => runProgram(bridge, stopping.signal, program, args, options),
    spawn: (program: string, args?: readonly string[], options?: SpawnOptions) => spawnProgram(bridge, stopping.signal, program, args, options),
    validate: (schema: unknown, value: unknown) => bridge.validate(schema, value),
    work: <T>(principal: Parameters<Bridge["work"]>[0], body: () => Promise<T>) => bridge.work(principal, body),
    currentWork: () => bridge.currentWork(),
    lower: (party: string, how: string) => bridge.lower(String(party), String(how)),
    scope: (name: string) => registrations.scope(String(name)),
    effect(label: string, dispose: Disposer): Disposer {
      const effect = { label, dispose };
      effects.push(effect);
      return async () => {
        const at = effects.indexOf(effect);
        if (at >= 0) effects.splice(at, 1);
        if (at >= 0) await dispose();
      };
    },
  });

  return {
    context,
    async dispose(reason) {
      stopping.abort(reason instanceof Error ? reason : new PlinthError("PLINTH_STOPPING", `${id} is being stopped.`, { extension: id }));
      for (let effect = effects.pop(); effect !== undefined; effect = effects.pop()) {
        try {
          await effect.dispose();
        } catch (thrown) {
          bridge.log("warn", `undoing "${effect.label}" failed`, { error: String((thrown as Error)?.message ?? thrown) });
        }
      }
    },
  };
}

interface FetchOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  signal?: AbortSignal;
  timeoutMs?: number;
  maxBytes?: number;
  redirect?: "follow" | "manual";
}

async function startFetch(bridge: Bridge, url: string, { body, signal, ...rest }: FetchOptions): Promise<object> {
  const request: FetchRequest = { ...rest, url: String(url) };
  if (typeof body === "string") request.body = body;
  else if (body !== undefined) Object.assign(request, { body: toBase64(body), base64: true });
  const stream = bridge.fetch(request, signal)[Symbol.asyncIterator]();
  const first = await stream.next();
  if (first.done) throw new PlinthError("PLINTH_NET", `${new URL(url).host} sent no answer.`);
  const { status, headers } = first.value as FetchHead;
  const chunks: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => stream as AsyncIterator<Uint8Array>,
  };
  const text = async (): Promise<string> => {
    const decoder = new TextDecoder();
    let all = "";
    for await (const chunk of chunks) all += decoder.decode(chunk, { stream: true });
    return all + decoder.decode();
  };
  return Object.freeze({
    status,
    ok: status >= 200 && status < 300,
    headers: Object.freeze(headers),
    body: chunks,
    text,
    json: async () => JSON.parse(await text()) as unknown,
  });
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Early, where the code is: the author of it reads this. */
const undeclared = (extension: string, what: string, place: string): PlinthError =>
  new PlinthError("PLINTH_UNDECLARED", `${extension} did not declare ${what} in its manifest.`, {
    extension,
    next: `Declare it in plinth.json, under ${place}; an owner then consents to it.`,
  });
