import fc from "fast-check";
import { expect, it } from "vitest";
import type { RunnerInput, WireMeta } from "../wire.ts";
import { GuestRequests } from "./guest-requests.ts";
import { HostTime } from "./host-time.ts";

/** All that a bridge has; nothing else is ever asked of it. */
const BRIDGE = "list call open fire store fetch socket socketSend socketClose files exec secretExists validate work currentWork log".split(" ");
const NAMES = [
  ...["constructor", "__proto__", "toString", "hasOwnProperty", "__defineGetter__", "prototype", "get", "has", "", "work"],
  ...["list", "call", "fire", "store.get", "store.set", "store.delete", "store.keys", "store.clear", "socket.send", "socket.close", "files"],
  ...["secret.exists", "validate", "work.begin", "work.end", "open", "fetch", "socket", "exec", "log", "config", "invoke", "start", "stop"],
];

function made(): { requests: GuestRequests; asked: Set<string> } {
  const asked = new Set<string>();
  const answer = { get: () => 1, set: () => {}, delete: () => true, keys: () => [], clear: () => {} };
  const bridge = new Proxy(Object.create(null), {
    get: (_target, name) => {
      asked.add(String(name));
      if (name === "store") return async () => answer;
      if (name === "work") return async (_principal: unknown, body: () => unknown) => body();
      if (name === "currentWork") return () => ({ id: "w-1", generation: 1 });
      if (["open", "fetch", "socket", "exec"].includes(String(name))) return async function* () {};
      return (..._given: unknown[]) => Promise.resolve(null);
    },
  });
  const input = { manifest: { id: "acme.owned" }, bridge, within: (_work: unknown, body: () => unknown) => body() } as unknown as RunnerInput;
  return { requests: new GuestRequests(input, new HostTime()), asked };
}

const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":1}}')));
const meta = fc.record({ work: fc.oneof(fc.constantFrom("constructor", "__proto__", "w-1"), odd), stream: fc.boolean() }) as fc.Arbitrary<WireMeta>;

it("whatever is asked, by whatever name, only the bridge is reached, and a failure is a value", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom(...NAMES), odd, meta), { maxLength: 12 }), async (asks) => {
      const { requests, asked } = made();
      const signal = new AbortController().signal;
      for (const [method, params, given] of asks) {
        const attempt = async (): Promise<unknown> => {
          if (given.stream !== true) return await requests.call(method, params, given, signal);
          for await (const _item of requests.stream(method, params, given, signal));
          return null;
        };
        const outcome = await attempt().catch((thrown: Error) => thrown);
        if (outcome instanceof Error)
          expect(outcome).toMatchObject({ name: expect.stringMatching(/^(PlinthError|TypeError|SyntaxError|RangeError)$/) });
        expect([true, false]).toContain(requests.note(method, params));
      }
      requests.close();
      expect([...asked].filter((name) => !BRIDGE.includes(name))).toEqual([]);
      expect(({} as { polluted?: number }).polluted).toBeUndefined();
    }),
    { numRuns: 150 },
  );
});

it("streams at one time are bounded, and one that ends makes room", async () => {
  const { requests } = made();
  const signal = new AbortController().signal;
  const hold = (): AsyncIterator<unknown> => requests.stream("fetch", {}, {}, signal)[Symbol.asyncIterator]();
  const input = { manifest: { id: "acme.owned" }, within: (_work: unknown, body: () => unknown) => body() };
  const endless = {
    fetch: async function* () {
      for (;;) yield { status: 200 };
    },
  };
  const held = new GuestRequests({ ...input, bridge: endless } as unknown as RunnerInput, new HostTime());
  const open = Array.from({ length: 257 }, () => held.stream("fetch", {}, {}, signal)[Symbol.asyncIterator]());
  const codes = await Promise.all(
    open.map((one) =>
      one.next().then(
        () => "open",
        (thrown: { code: string }) => thrown.code,
      ),
    ),
  );
  expect([codes.filter((one) => one === "open").length, codes.at(-1)]).toEqual([256, "PLINTH_QUOTA"]);
  await open[0]?.return?.();
  expect(await held.stream("fetch", {}, {}, signal)[Symbol.asyncIterator]().next()).toMatchObject({ done: false });
  expect(await hold().next()).toMatchObject({ done: true });
});
