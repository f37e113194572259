/**
 * The program of an extension's process. It is started behind its walls, takes the extension's code over descriptor 3,
 * activates it and answers calls until the connection ends; then it ends too.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { registerHooks } from "node:module";
import { Socket } from "node:net";
import { replaceValues } from "@plinth/manifests/check/config-values.ts";
import type {
  Bridge,
  CallInfo,
  ExtensionObject,
  FetchHead,
  HookHandler,
  InstanceInfo,
  ProviderObject,
  Registrations,
  WorkData,
} from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { Peer } from "@plinth/manifests/wire/peer.ts";
import type { WireMeta } from "@plinth/manifests/wire/protocol.ts";

const providers = new Map<string, ProviderObject>();
const handlers = new Map<string, HookHandler>();
const scopes = new Map<string, Map<string, unknown>>();
const works = new AsyncLocalStorage<WorkData | null>();
let id = "an extension";
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

const peer: Peer = new Peer(new Socket({ fd: 3, readable: true, writable: true }), "the host", {
  call(method, params, _meta, signal) {
    if (method === "start") return start(params as InstanceInfo & { source: string });
    if (method === "ping") return {};
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
  const work = works.getStore();
  return work ? { work: work.id } : {};
};
const ask = <T>(method: string, params: unknown, signal?: AbortSignal): Promise<T> => peer.call(method, params, meta(), signal) as Promise<T>;

const store = {
  get: (key: string) => ask("store.get", { key }).then((value) => value ?? undefined),
  set: (key: string, value: unknown, ttlMs?: number) => ask<void>("store.set", { key, value, ttlMs }),
  delete: (key: string) => ask<boolean>("store.delete", { key }),
  keys: (prefix?: string) => ask<string[]>("store.keys", { prefix }),
  clear: () => ask<void>("store.clear", {}),
};

const bridge: Bridge = {
  list: (contract) => ask("list", { contract }),
  call: (contract, capability, method, input, { signal, deadlineMs }) => ask("call", { contract, id: capability, method, input, deadlineMs }, signal),
  open: (contract, capability, method, input, { signal, deadlineMs }) =>
    peer.open("open", { contract, id: capability, method, input, deadlineMs }, meta(), signal),
  fire: (hook, payload, { signal }) => ask("fire", { hook, payload }, signal),
  store: async () => store,
  async *fetch(request, signal) {
    for await (const item of peer.open("fetch", request, meta(), signal)) {
      yield typeof item === "string" ? Buffer.from(item, "base64") : (item as FetchHead);
    }
  },
  secretExists: (name) => ask("secret.exists", { name }),
  validate: (schema, value) => ask("validate", { schema, value }),
  async work(principal, body) {
    const begun = await ask<{ id: string; generation: number }>("work.begin", { principal });
    try {
      return await works.run({ ...begun, principal: Object.freeze({ ...principal }) }, body);
    } finally {
      await ask("work.end", { id: begun.id });
    }
  },
  currentWork: () => works.getStore() ?? undefined,
  log: (level, message, fields) => peer.note("log", { level, message: String(message).slice(0, 8_000), fields }),
};

/** Signals are the one thing that Node's permission model leaves open: nothing in here may end another process. */
function denySignals(): void {
  const denied = (): never => {
    throw failed("PLINTH_PERMISSION", "it may not send signals");
  };
  for (const name of ["kill", "_kill", "_debugProcess", "_debugEnd"])
    Object.defineProperty(process, name, { value: denied, writable: false, configurable: false });
}

async function start({ source, ...info }: InstanceInfo & { source: string }): Promise<object> {
  id = info.manifest.id;
  denySignals();
  config = info.config as Record<string, unknown>;
  // The code comes over the descriptor, never from a path: what was verified is what runs.
  const url = `file:///plinth/${id}/index.mjs`;
  const hooks = registerHooks({
    resolve: (specifier, context, next) => (specifier === url ? { url, format: "module", shortCircuit: true } : next(specifier, context)),
    load: (wanted, context, next) => (wanted === url ? { format: "module", source, shortCircuit: true } : next(wanted, context)),
  });
  const namespace = (await import(url)) as { default?: unknown };
  hooks.deregister();
  const extension = namespace.default as ExtensionObject | undefined;
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

const callInfo = ({ caller, work }: Input, signal: AbortSignal): CallInfo => ({ caller, work: work ?? undefined, signal });
const failed = (code: string, why: string): PlinthError =>
  new PlinthError(code, `${id} cannot be used: ${why}.`, { extension: id, next: "Report it to its author." });

void peer.closed.then(() => process.exit(0));
