import { createTestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { dutiesOf } from "./duties.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

type State = Parameters<typeof dutiesOf>[0];
const here = (id: string) => ({ manifest: { id }, digest: "", bundled: false }) as unknown as State["records"][number];

/** The kernel says `config`; what the plugin manager is asked to do is noted. */
async function house(config: State["config"], manager: () => Promise<object> = async () => ({})) {
  const asked: object[] = [];
  const host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "scripted" },
        provider: { snapshot: () => ({ config, records: [here("acme.here")], lock: empty, packages: {} }) },
      },
      {
        contract: "plinth.service",
        id: "plugin-upkeep",
        descriptor: { title: "scripted" },
        provider: {
          start: ({ options }: { options: object }) => {
            asked.push(options);
            return manager();
          },
          stop: () => ({}),
        },
      },
    ],
  });
  open.push(host);
  const service = host.use("plinth.service").get("upkeep");
  return { host, asked, service, message: () => host.fire("message.received", { text: "hi", sessionKey: "main", surface: "test" }) };
}

const empty = { lockfile: 1 as const, extensions: {} };

describe("what is to be done", () => {
  it("is reading advisories, where something came from a registry and nobody decided otherwise", () => {
    const lock = { ...empty, extensions: { "acme.here": { source: "registry:acme.here@1.0.0" } as never } };
    const duties = (config: object) => dutiesOf({ config, records: [here("acme.here")], lock, packages: {} }).everyHours;
    expect(duties({})).toBe(12);
    expect(duties({ extensions: { "plinth.plugins": { config: { advisories: { everyHours: 0 } } } } })).toBe(0);
  });

  it("is what the configuration names with a version or a source, is enabled and not here", () => {
    const extensions = {
      "a.a": "1.0.0",
      "a.b": { source: "git:x" },
      "a.c": { config: {} },
      "a.d": { version: "1.0.0", enabled: false },
      "acme.here": "1.0.0",
    };
    expect(dutiesOf({ config: { extensions }, records: [here("acme.here")], lock: empty, packages: {} })).toEqual({
      missing: ["a.a", "a.b"],
      waits: false,
      everyHours: 0,
      firstMs: 30_000,
    });
  });

  it("is what the configuration names of the product's own packages, and what is here of another product; a turn waits for it", () => {
    const packages = { "plinth.new": "n", "plinth.off": "o", "plinth.old": "p", "plinth.same": "s" };
    const extensions = { "plinth.new": { config: {} }, "plinth.off": { enabled: false } };
    const records = [here("plinth.old"), { ...here("plinth.same"), digest: "s" }];
    const duties = dutiesOf({ config: { extensions }, records, lock: empty, packages });
    expect(duties).toMatchObject({ missing: ["plinth.new", "plinth.old"], waits: true });
  });

  it("is nothing without configuration", () => {
    expect(dutiesOf({ config: {}, records: [], lock: empty, packages: {} })).toEqual({ missing: [], waits: false, everyHours: 0, firstMs: 30_000 });
  });
});

describe("upkeep", () => {
  it("does not even ask the plugin manager when there is nothing to do", async () => {
    const { asked, service, message } = await house({ extensions: { "acme.here": "1.0.0" } });
    await service.start({});
    await message();
    expect(asked).toEqual([]);
  });

  it("has what is named installed, and advisories read, when the gateway starts", async () => {
    const extensions = { "acme.none": "1.0.0", "plinth.plugins": { config: { advisories: { everyHours: 6 } } } };
    const { asked, service } = await house({ extensions });
    expect(await service.start({})).toEqual({ detail: { missing: ["acme.none"], everyHours: 6 } });
    await expect.poll(() => asked).toEqual([{ setup: true }, { advisories: true }]);
  });

  it("lets a turn wait only where the operator says so", async () => {
    const done: (() => void)[] = [];
    const slow = () => new Promise<object>((resolve) => done.push(() => resolve({})));
    const going = await house({ extensions: { "acme.none": "1.0.0" } }, slow);
    await going.message();
    expect(going.asked).toEqual([{ setup: true }]);
    const waiting = await house({ extensions: { "acme.none": "1.0.0", "plinth.plugins": { config: { setup: { missing: "wait" } } } } }, slow);
    let over = false;
    const turn = waiting.message().then(() => (over = true));
    await expect.poll(() => waiting.asked).toHaveLength(1);
    expect(over).toBe(false);
    for (const one of done) one();
    await turn;
  });
});
