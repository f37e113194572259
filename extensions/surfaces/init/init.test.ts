import { createTestHost, type ScriptedProvider, scriptedModels, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const owner = { role: "owner", via: "test" } as const;
const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: true };
const open: TestHost[] = [];
afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
});

const ID = "test.scripted";
/** What the extension of all scripted capabilities says of itself, as a stranger's would. */
const scripted = {
  id: ID,
  permissions: { secrets: ["ACME_KEY"] },
  config: {
    type: "object",
    properties: { server: { $ref: "#/$defs/server" }, room: { type: "string" }, port: { type: "integer" }, model: { type: "string" } },
    $defs: { server: { properties: { url: { type: "string", description: "Its address." } } } },
  },
};

interface World {
  secrets: Set<string>;
  config: any;
  /** Everything that was changed or asked, in its order. */
  calls: unknown[];
  fails: boolean;
}

/** A provider that needs an address and a key, a stand-in, a page and a channel that needs two settings. */
async function house(more: Partial<World> = {}) {
  const world: World = { secrets: new Set(), config: {}, calls: [], fails: false, ...more };
  const one = (contract: string, id: string, descriptor: object, provider: object): ScriptedProvider =>
    ({ contract, id, descriptor, provider }) as unknown as ScriptedProvider;
  const stream = async function* ({ model }: { model: string }) {
    world.calls.push({ asked: model });
    if (world.fails) throw Object.assign(new Error("The key was refused."), { code: "PLINTH_MODEL_AUTH" });
    yield { type: "text", delta: "hello" };
    yield { type: "end", reason: "stop" };
  };
  const isSet = () => world.secrets.has("ACME_KEY") && world.config.server?.url !== undefined;
  const channel = { title: "Room", limits: { text: 1, unit: "bytes" }, format: "plain", transport: "poll", idempotent: true, peers: ["person"] };
  const host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [
      scriptedModels([
        {
          id: "acme",
          title: "Acme",
          extension: ID,
          needs: { config: ["server.url"], secrets: ["ACME_KEY"] },
          status: () => (isSet() ? { ready: true, defaultModel: "m1" } : { ready: false, reason: "no" }),
          stream: stream as never,
        },
        {
          id: "rules",
          title: "Rules",
          extension: ID,
          priority: 9,
          standIn: true,
          status: () => ({ ready: true, defaultModel: "r" }),
          stream: stream as never,
        },
      ]),
      one("plinth.channel", "room", { ...channel, needs: { config: ["room", "port"] } }, {}),
      one("plinth.http-route", "page", { path: "/", summary: "The page" }, {}),
      one(
        "plinth.router",
        "r",
        { title: "Router" },
        { route: () => ({ agent: "a", sessionKey: "s", harness: "h", workspace: "/", system: [], model: world.config.model ?? "auto" }) },
      ),
      one(
        "plinth.kernel",
        "k",
        { title: "Kernel" },
        {
          snapshot: () => ({
            records: [{ manifest: scripted, bundled: true }],
            config: { extensions: { [ID]: { config: world.config } } },
            secretExists: async (name: string) => world.secrets.has(name),
          }),
        },
      ),
      one(
        "plinth.host-admin",
        "h",
        { title: "Admin" },
        {
          configSet: ({ path, value }: { path: string; value: unknown }) => {
            const name = path.slice(`extensions["${ID}"].config.`.length);
            world.calls.push({ [name]: value });
            const [first = "", second] = name.split(".");
            world.config[first] = second === undefined ? value : { [second]: value };
            return { generation: 2 };
          },
        },
      ),
    ],
  });
  open.push(host);
  const run = async (options: object = {}, settings: string[] = []) => {
    const seen = { out: "", exit: 0, result: undefined as any };
    await host.as(owner, async () => {
      const items = host
        .use("plinth.cli-command")
        .get("init")
        .run({ args: { settings }, options, terminal } as never);
      for await (const item of items) {
        if ("out" in item) seen.out += item.out;
        if ("exit" in item) seen.exit = item.exit;
        if ("result" in item) seen.result = item.result;
      }
    });
    return seen;
  };
  return { world, run, host };
}

it("without flags shows what there is and what each needs, and changes nothing", async () => {
  const { world, run } = await house();
  const { out, exit, result } = await run();
  expect(exit).toBe(1);
  expect(out).toContain("  acme   Acme   needs server.url, ACME_KEY");
  expect(out).toContain("  rules  Rules  answers where no other can");
  expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(result).toMatchObject({ ready: false, provider: "rules", missing: [] });
  expect(world.calls).toEqual([]);
});

it("sets what is given, says what is missing and how to set it, and does not try or choose what cannot answer", async () => {
  const { world, run } = await house();
  const { exit, result, out } = await run({ provider: "acme" }, ["server.url=http://127.0.0.1:1"]);
  expect(exit).toBe(1);
  expect(result.missing).toEqual([{ kind: "secret", name: "ACME_KEY", extension: ID, how: expect.stringContaining("--secret ACME_KEY < FILE") }]);
  expect(out).toContain("Still missing:\n  - ACME_KEY");
  expect(world.calls).toEqual([{ "server.url": "http://127.0.0.1:1" }]);
});

it("tries the model with one word, then chooses it; the same again changes nothing", async () => {
  const { world, run } = await house({ secrets: new Set(["ACME_KEY"]) });
  const { exit, out, result } = await run({ provider: "acme", talk: "page,terminal" }, ["server.url=http://127.0.0.1:1"]);
  expect(exit).toBe(0);
  expect(out).toMatch(/^acme\/m1 answered in \d+\.\d s: hello\nModel {2}acme\/auto, answered by acme \(ready\)\n/);
  expect(result).toMatchObject({ ready: true, model: "acme/auto", trial: { model: "m1", text: "hello" }, talk: ["page", "terminal"] });
  expect(world.calls).toEqual([{ "server.url": "http://127.0.0.1:1" }, { asked: "m1" }, { model: "acme/auto" }]);
  expect(await run({ provider: "acme", untested: true })).toMatchObject({ exit: 0 });
  expect((await run()).result).toMatchObject({ ready: true, model: "acme/auto" });
  expect(world.calls).toHaveLength(3);
  await run({ provider: "acme", model: "m2" });
  expect(world.calls.slice(3)).toEqual([{ asked: "m2" }, { model: "acme/m2" }]);
});

it("leaves the choice as it was where the model does not answer, and says whose fault that is", async () => {
  const { world, run } = await house({ secrets: new Set(["ACME_KEY"]), config: { server: { url: "x" }, model: "rules/auto" }, fails: true });
  await expect(run({ provider: "acme" })).rejects.toMatchObject({
    code: "PLINTH_MODEL_AUTH",
    message: expect.stringContaining("acme/m1 did not answer"),
  });
  expect(world.config.model).toBe("rules/auto");
});

it("sets up a channel by what its manifest says it needs, each value as its schema wants it", async () => {
  const { world, run } = await house();
  const { result } = await run({ talk: "room" }, ["room=007"]);
  expect(result.missing).toMatchObject([{ kind: "config", name: "port", how: expect.stringContaining("plinth init --talk room port=VALUE") }]);
  await run({ talk: "room" }, ["port=7"]);
  expect(world.config).toEqual({ room: "007", port: 7 });
});

it("counts a stand-in that somebody chose as chosen", async () => {
  const { run } = await house();
  expect(await run({ provider: "rules" })).toMatchObject({ exit: 0, result: { ready: true, model: "rules/auto" } });
});

it.each([
  [{ provider: "none" }, [], "PLINTH_CAPABILITY_MISSING"],
  [{ talk: "nowhere" }, [], "PLINTH_CHANNEL_UNKNOWN"],
  [{ provider: "acme" }, ["server.other=1"], "PLINTH_USAGE"],
  [{ provider: "rules" }, ["nonsense"], "PLINTH_USAGE"],
])("refuses %j %j before anything is changed", async (options, settings, code) => {
  const { world, run } = await house();
  await expect(run(options, settings)).rejects.toMatchObject({ code, next: expect.any(String) });
  expect(world.calls).toEqual([]);
});

it("is for the owner alone", async () => {
  const { host } = await house();
  const items = () => host.use("plinth.cli-command").get("init").run({ args: {}, options: {}, terminal });
  const drain = async () => {
    for await (const _item of items());
  };
  await expect(host.as({ role: "guest", via: "test" }, drain)).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
});
