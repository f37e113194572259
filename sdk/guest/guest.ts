/** An extension's side of a wall, whatever the wall is: it activates the extension, answers calls and asks the host. */
import { replaceValues } from "@plinth/manifests/check/config-values.ts";
import type {
  Bridge,
  CallInfo,
  ExecItem,
  ExtensionObject,
  FetchHead,
  HookHandler,
  InstanceInfo,
  ProviderObject,
  Registrations,
  SocketItem,
  WorkData,
} from "@plinth/manifests/wire/bridge.ts";
import { fromBase64, packBytes, unpackBytes } from "@plinth/manifests/wire/bytes.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Handler, Peer } from "@plinth/manifests/wire/peer.ts";
import type { WireMeta } from "@plinth/manifests/wire/protocol.ts";

/** How a guest follows the work that its code runs for. */
export interface Works {
  current(): WorkData | null;
  run<T>(work: WorkData | null, body: () => T): T;
  /** What waits for the result goes on as the work that asked for it. */
  bind<T>(promise: Promise<T>): Promise<T>;
}

export interface GuestInput {
  readonly works: Works;
  connect(handler: Handler): Peer;
  /** The default export of the extension's entry. */
  load(id: string, params: unknown): Promise<unknown>;
  /** For globals that need the host. */
  onBridge?(bridge: Bridge): void;
}

/** Take calls until the connection ends. */
export function serveHost({ works, connect, load, onBridge }: GuestInput): Peer {
  const providers = new Map<string, ProviderObject>();
  const handlers = new Map<string, HookHandler>();
  const scopes = new Map<string, Map<string, unknown>>();
  let id = "an extension";
  const failed = (code: string, why: string): PlinthError =>
    new PlinthError(code, `${id} cannot be used: ${why}.`, { extension: id, next: "Report it to its author." });
  /** Held by the context: hot changes are written into it. */
  let config: Record<string, unknown> = {};
  let live: { stop(reason: Error): Promise<void> } | null = null;

  const registrations: Registrations = {
    provide: (contract, capability, provider) => void providers.set(`${contract}/${capability}`, provider),
    on: (hook, handler) => void handlers.set(hook, handler),
    scope(name) {
      const values = scopes.get(name) ?? new Map<string, unknown>();
      scopes.set(name, values);
      return {
        get<T>(token: string, make: () => T): T {
          if (!values.has(token)) values.set(token, make());
          return values.get(token) as T;
        },
        async dispose() {
          scopes.delete(name);
          for (const value of [...values.values()].reverse()) await (value as { dispose?(): unknown })?.dispose?.();
        },
      };
    },
  };

  const peer = connect({
    call(method, params, _meta, signal) {
      if (method === "start") return start(params as InstanceInfo);
      // Scopes hold state of sessions: what has some is not put to sleep.
      if (method === "ping") return { scopes: scopes.size };
      if (method === "stop") return live?.stop(new Error(String((params as { reason?: unknown }).reason)));
      const input = params as Input;
      const call = callInfo(input, signal);
      return works.run(input.work, () => {
        if (method === "invoke") return implementation(input)(input.input, call);
        const handler = handlers.get(input.name);
        if (handler === undefined) throw failed("PLINTH_NOT_PROVIDED", `it has no handler for the hook ${input.name}`);
        return handler(input.payload, call);
      });
    },
    stream(_method, params, _meta, signal) {
      const input = params as Input;
      const call = callInfo(input, signal);
      const inner = works.run(input.work, () => implementation(input)(input.input, call)) as AsyncIterable<unknown> | null;
      if (typeof inner?.[Symbol.asyncIterator] !== "function")
        throw failed("PLINTH_PAYLOAD", `${input.contract}.${input.method} must return an async iterable`);
      const iterator = inner[Symbol.asyncIterator]();
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => works.run(input.work, () => iterator.next()),
          return: async () => works.run(input.work, async () => (await iterator.return?.()) ?? { done: true as const, value: undefined }),
        }),
      };
    },
    note(method, params) {
      if (method === "config") replaceValues(config, params as Record<string, unknown>);
    },
  });

  function implementation({ contract, id: capability, method }: Input): (input: unknown, call: CallInfo) => unknown {
    const provider = providers.get(`${contract}/${capability}`);
    const found = provider !== undefined && typeof provider[method] === "function" ? provider[method] : undefined;
    if (found === undefined) throw failed("PLINTH_UNSUPPORTED", `it does not support ${contract}.${method}`);
    return found.bind(provider);
  }

  const meta = (): WireMeta => {
    const work = works.current();
    return work ? { work: work.id } : {};
  };
  const ask = <T>(method: string, params: unknown, signal?: AbortSignal): Promise<T> =>
    works.bind(peer.call(method, params, meta(), signal) as Promise<T>);

  const bound = (items: AsyncIterable<unknown>): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]() {
      const iterator = items[Symbol.asyncIterator]();
      return {
        next: () => works.bind(iterator.next()),
        return: () => works.bind(iterator.return?.() ?? Promise.resolve({ done: true as const, value: undefined })),
      };
    },
  });

  const store = {
    get: (key: string) => ask("store.get", { key }).then((value) => value ?? undefined),
    set: (key: string, value: unknown, ttlMs?: number) => ask<void>("store.set", { key, value, ttlMs }),
    delete: (key: string) => ask<boolean>("store.delete", { key }),
    keys: (prefix?: string) => ask<string[]>("store.keys", { prefix }),
    clear: () => ask<void>("store.clear", {}),
  };

  const bridge: Bridge = {
    list: (contract) => ask("list", { contract }),
    call: (contract, capability, method, input, { signal, deadlineMs }) =>
      ask("call", { contract, id: capability, method, input, deadlineMs }, signal),
    open: (contract, capability, method, input, { signal, deadlineMs }) =>
      bound(peer.open("open", { contract, id: capability, method, input, deadlineMs }, meta(), signal)),
    fire: (hook, payload, { signal }) => ask("fire", { hook, payload }, signal),
    store: async () => store,
    async *fetch(request, signal) {
      for await (const item of bound(peer.open("fetch", request, meta(), signal))) {
        yield typeof item === "string" ? fromBase64(item) : (item as FetchHead);
      }
    },
    async *socket(request, signal) {
      for await (const item of bound(peer.open("socket", request, meta(), signal))) yield unpackBytes(item) as SocketItem;
    },
    socketSend: (id, data) => ask("socket.send", packBytes({ id, data })),
    socketClose: (id, code, reason) => ask("socket.close", { id, code, reason }),
    files: (request) => ask("files", request).then(unpackBytes),
    async *exec(request, signal) {
      for await (const item of bound(peer.open("exec", request, meta(), signal))) yield unpackBytes(item) as ExecItem;
    },
    execSend: (id, message) => ask("exec.send", packBytes({ id, ...message })),
    secretExists: (name) => ask("secret.exists", { name }),
    validate: (schema, value) => ask("validate", { schema, value }),
    async work(principal, body) {
      const before = works.current();
      const begun = await ask<{ id: string; generation: number }>("work.begin", { principal });
      try {
        return await works.run({ ...begun, principal: Object.freeze({ ...principal }), influences: [] }, body);
      } finally {
        await ask("work.end", { id: begun.id });
        works.run(before, () => {});
      }
    },
    currentWork: () => works.current() ?? undefined,
    lower: (party, how) => ask("lower", { party, how }),
    log: (level, message, fields) => peer.note("log", { level, message: String(message).slice(0, 8_000), fields }),
  };

  onBridge?.(bridge);

  async function start(info: InstanceInfo): Promise<object> {
    id = info.manifest.id;
    config = info.config as Record<string, unknown>;
    const extension = (await load(id, info)) as ExtensionObject | undefined;
    if (extension?.plinth !== 1 || typeof extension.start !== "function")
      throw failed("PLINTH_PAYLOAD", "its entry does not export defineExtension({ activate }) as default");
    live = await extension.start(bridge, info, registrations);
    for (const { contract, id: capability } of info.manifest.provides ?? []) {
      if (!providers.has(`${contract}/${capability}`))
        throw failed("PLINTH_NOT_PROVIDED", `it declares ${contract}/${capability} but did not provide it`);
    }
    for (const { on } of info.manifest.hooks ?? [])
      if (!handlers.has(on)) throw failed("PLINTH_NOT_PROVIDED", `it declares the hook ${on} but has no handler`);
    return {};
  }

  return peer;
}

type Input = {
  contract: string;
  id: string;
  method: string;
  name: string;
  input: unknown;
  payload: unknown;
  caller: string;
  work: WorkData | null;
};

const callInfo = ({ caller, work }: Input, signal: AbortSignal): CallInfo => ({ caller, work: work ?? undefined, signal });
