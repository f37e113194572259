import { createRequire } from "node:module";
import { join } from "node:path";
import { parseBatch } from "@plinth/manifests/wire/frames.ts";
import { type Handler, Peer } from "@plinth/manifests/wire/peer.ts";
import type { Receiver } from "@plinth/manifests/wire/transport.ts";
import { type BuildOptions, build } from "esbuild";
import type ivm from "isolated-vm";
import { LAZY_FORM, LAZY_NAMES } from "./lazy-globals.ts";
import { Tenant } from "./tenant.ts";

const refusing: Handler = {
  call: (method) => {
    throw new Error(`no ${method} here`);
  },
  stream: (method) => {
    throw new Error(`no ${method} here`);
  },
  note: () => {},
};

/** An isolate as the child makes it, in this process: runs functions' bodies and answers what they return. */
export class TestGuest {
  readonly #tenant: Tenant;
  readonly #peer: Peer;

  private constructor(tenant: Tenant, peer: Peer) {
    this.#tenant = tenant;
    this.#peer = peer;
  }

  /** @param source of an extension that provides the same capability in another way. */
  static async start(handler: Partial<Handler> = {}, source: string = RUNS_CODE): Promise<TestGuest> {
    const engine = createRequire(import.meta.url)("isolated-vm") as typeof ivm;
    const { prelude, lazy } = await programs();
    const tenant = new Tenant({ engine, prelude: { code: prelude, cache: undefined }, lazy, heapMb: 64 }, () => {});
    let receiver: Receiver | null = null;
    // As through the child: not from inside the isolate's call.
    const send = (body: string): void => void setImmediate(() => receiver?.messages(parseBatch(body)));
    await tenant.open({ source, turnMs: 5_000, callMs: 10_000 }, send);
    const transport = {
      full: false,
      unsent: 0,
      send: (batch: readonly string[]) => tenant.receive(`${batch.length}[${batch.join(",")}]`),
      bytes: (text: string) => Buffer.byteLength(text),
      drained: () => Promise.resolve(),
      listen: (to: Receiver) => {
        receiver = to;
      },
      close: () => {},
    };
    const peer = new Peer(transport, "test.guest", { ...refusing, ...handler });
    await peer.call("start", { manifest: { id: "test.guest", version: "1.0.0" }, config: {}, env: {}, dataDir: null, methods: {} });
    return new TestGuest(tenant, peer);
  }

  run(code: string, ...args: unknown[]): Promise<unknown> {
    return this.#peer.call("invoke", { contract: "test.code", id: "x", method: "run", input: { code, args }, caller: "host", work: null });
  }

  stop(): void {
    this.#tenant.dispose();
  }
}

/** What the same code gives in Node, as far as it is data. */
export async function inNode(code: string, ...args: unknown[]): Promise<unknown> {
  const AsyncFunction = (async () => {}).constructor as new (...parts: string[]) => (...args: unknown[]) => Promise<unknown>;
  return JSON.parse(JSON.stringify((await new AsyncFunction("...args", code)(...args)) ?? null));
}

const RUNS_CODE = `const AsyncFunction = (async () => {}).constructor;
  export default { plinth: 1, async start(bridge, info, registrations) {
    registrations.provide("test.code", "x", { run: ({ code, args }) => AsyncFunction("...args", code)(...args) });
    return { async stop() {} };
  } };`;

let made: Promise<{ prelude: string; lazy: Map<string, string> }> | null = null;

const programs = (): NonNullable<typeof made> => (made ??= bundled());

async function bundled(): Promise<{ prelude: string; lazy: Map<string, string> }> {
  const lazy = LAZY_NAMES.map(async (name) => [name, await text(`lazy-${name}.ts`, LAZY_FORM)] as const);
  return { prelude: await text("prelude.ts", { format: "iife", platform: "neutral" }), lazy: new Map(await Promise.all(lazy)) };
}

async function text(entry: string, form: BuildOptions): Promise<string> {
  const entryPoints = [join(import.meta.dirname, entry)];
  const { outputFiles } = await build({
    ...form,
    bundle: true,
    write: false,
    target: "node26",
    conditions: ["development"],
    logLevel: "error",
    entryPoints,
  });
  return outputFiles?.[0]?.text ?? "";
}
