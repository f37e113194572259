import type { ToolPlace, ToolRules } from "@plinth/sdk";
import { describeConformance, toolPolicyConformance } from "@plinth/sdk/testing";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { Config, Said } from "./levels.ts";
import { fitting } from "./patterns.ts";
import { type House, house, TOOLS } from "./policy.testing.ts";

let open: House[] = [];
afterEach(async () => {
  for (const { host } of open) await host.close();
  open = [];
});

async function start(config: Config = {}, models: Record<string, string[]> = {}): Promise<House> {
  const made = await house(config, models);
  open.push(made);
  return made;
}

const ALL = TOOLS.filter(({ name }) => name !== "pipeline").map(({ name }) => name);
const but = (...names: string[]): string[] => ALL.filter((name) => !names.includes(name));

describe("profiles and groups", () => {
  it.each<[string, Said, string[]]>([
    ["nothing said: all that need not be turned on", {}, ALL],
    ["full", { profile: "full" }, ALL],
    ["minimal: what does nothing", { profile: "minimal" }, ["dice"]],
    ["read-only: what only reads", { profile: "read-only" }, ["read", "dice"]],
    [
      "coding: files, commands and the web, and of others what is all of that",
      { profile: "coding" },
      ["read", "write", "exec", "web_fetch", "dice", "mcp__desk__open"],
    ],
    ["a profile and more", { profile: "minimal", allow: ["web_*"] }, ["web_fetch", "dice"]],
    ["names alone", { allow: ["read", "mcp__*"] }, ["read", "mcp__desk__open"]],
    ["a group of others' tools only where all that they do is in groups", { allow: ["group:ui"] }, []],
    ["the same with the rest of it", { allow: ["group:ui", "group:exec", "group:fs"] }, ["read", "write", "exec", "mcp__desk__open"]],
    ["all effects have to be allowed", { allow: ["effect:net"] }, ["web_fetch"]],
    ["who provides it", { allow: ["by:acme.*"] }, ["mail"]],
    ["one kind is enough to be denied", { deny: ["group:exec"] }, but("exec", "mcp__desk__open")],
    ["one effect is enough to be denied", { deny: ["effect:net"] }, but("exec", "web_fetch", "mail")],
    ["deny wins over allow", { allow: ["*"], deny: ["read"] }, but("read")],
    ["an empty allow leaves nothing", { allow: [] }, []],
  ])("%s", async (_, said, expected) => {
    expect(await (await start(said)).offered()).toEqual(expected);
    // The same as rules of somebody else's.
    if (Object.keys(said).length > 0) expect(await (await start()).offered([{}], [{ level: "route", ...said } as ToolRules])).toEqual(expected);
  });

  it("takes all away by a rule that nobody can read, and gives nothing by one", async () => {
    const { offered } = await start();
    expect(await offered([{}], [{ level: "route", deny: ["group:fss"] }])).toEqual([]);
    expect(await offered([{}], [{ level: "route", allow: ["group:fss"] }])).toEqual([]);
    expect(await offered([{}], [{ level: "route", profile: "codng" }])).toEqual([]);
  });

  it("has an optional tool where it was turned on, and not where a level takes it away all the same", async () => {
    expect(await (await start({ optional: ["pipe*"] })).offered()).toEqual([...ALL, "pipeline"]);
    expect(await (await start({ optional: ["pipeline"], profile: "coding" })).offered()).not.toContain("pipeline");
    expect(await (await start({ allow: ["pipeline"] })).offered()).toEqual([]);
  });
});

describe("levels", () => {
  const config: Config = {
    deny: ["mail"],
    agents: { "work*": { deny: ["dice"] } },
    models: { local: { profile: "read-only" }, "big/huge-*": { deny: ["exec"] } },
    channels: { telegram: { deny: ["group:fs"] } },
    senders: { "telegram/7*": { allow: ["dice"] }, "*": { deny: ["mcp__*"] } },
    sessions: { "cron:*": { deny: ["web_fetch"] } },
  };

  it.each<[string, ToolPlace, string[]]>([
    ["nowhere in particular: the house, and what is said of everybody", {}, but("mail", "mcp__desk__open")],
    ["an agent", { agent: "work-2" }, but("mail", "mcp__desk__open", "dice")],
    ["a provider", { model: "local/small" }, ["read", "dice"]],
    ["a model", { model: "big/huge-1" }, but("mail", "mcp__desk__open", "exec")],
    ["an alias, by all that it means", { model: "auto" }, ["read", "dice"]],
    ["a channel", { surface: "telegram", sender: "1" }, but("mail", "mcp__desk__open", "read", "write")],
    ["a person", { surface: "telegram", sender: "71" }, ["dice"]],
    ["the same name elsewhere", { surface: "irc", sender: "71" }, but("mail", "mcp__desk__open")],
    ["a conversation", { sessionKey: "cron:x" }, but("mail", "mcp__desk__open", "web_fetch")],
  ])("%s", async (_, place, expected) => {
    const { offered } = await start(config, { auto: ["big/huge-2", "local/small"] });
    expect(await offered([place])).toEqual(expected);
  });

  it("somebody who is named has their own rules instead of those for the rest", async () => {
    const { offered } = await start({
      senders: { "telegram/*": { allow: [] }, "*": { deny: ["dice"] }, "telegram/7": {} },
      channels: { "*": { deny: ["mail"] } },
    });
    expect(await offered([{ surface: "telegram", sender: "8" }])).toEqual([]);
    expect(await offered([{ surface: "telegram", sender: "7" }])).toEqual(but("mail"));
    expect(await offered([{ surface: "irc", sender: "7" }])).toEqual(but("mail", "dice"));
  });

  it("hold together for a turn that another one asks for", async () => {
    const { offered } = await start(config);
    expect(await offered([{ agent: "main" }, { surface: "telegram", sender: "1" }])).toEqual(but("mail", "mcp__desk__open", "read", "write"));
  });

  it("say which of them decided, and by what", async () => {
    const { policy } = await start(config);
    const { decisions } = await policy.decide({
      places: [{ agent: "work-1", surface: "telegram", sender: "7" }],
      rules: [{ level: "route", allow: ["read"] }],
      tools: [...TOOLS],
      explain: true,
    });
    const of = (name: string) => decisions.find((one) => one.name === name);
    expect(of("mail")).toMatchObject({ offered: false, level: "house", rule: "deny mail" });
    expect(of("dice")).toMatchObject({ offered: false, level: "agent work*", rule: "deny dice" });
    expect(of("exec")).toMatchObject({ level: "sender telegram/7*", rule: "not in allow" });
    expect(of("read")).toMatchObject({ level: "channel telegram", rule: "deny group:fs" });
    expect(of("read")?.levels).toEqual([
      { level: "house", offered: true, rule: "nothing there denies it" },
      { level: "agent work*", offered: true, rule: "nothing there denies it" },
      { level: "channel telegram", offered: false, rule: "deny group:fs" },
      { level: "sender telegram/7*", offered: false, rule: "not in allow" },
      { level: "route", offered: true, rule: "allow read" },
    ]);
    expect(of("pipeline")).toMatchObject({ level: "optional", rule: "not turned on" });
  });
});

describeConformance({ describe, it }, "the tool policy", toolPolicyConformance, {
  open: async () => {
    const { policy, host } = await house({ channels: { telegram: { deny: ["group:exec"] } } });
    return { subject: policy, close: () => host.close() };
  },
  place: { surface: "telegram" },
});

const pattern = fc.constantFrom(
  "*",
  "read",
  "w*",
  "group:fs",
  "group:exec",
  "group:plain",
  "effect:read",
  "effect:net",
  "by:acme.*",
  "mcp__*",
  "nobody",
);
const patterns = fc.uniqueArray(pattern, { maxLength: 4 });
const said = fc.record({ profile: fc.constantFrom("minimal", "read-only", "coding", "full"), allow: patterns, deny: patterns }, { requiredKeys: [] });
const rules = fc.array(
  said.map((one): ToolRules => ({ level: "r", ...one })),
  { maxLength: 4 },
);
const place: fc.Arbitrary<ToolPlace> = fc.record(
  { agent: fc.constantFrom("a", "b"), surface: fc.constantFrom("x", "y"), sender: fc.constantFrom("1", "2") },
  { requiredKeys: [] },
);
const by = (...names: string[]) => fc.dictionary(fc.constantFrom("*", ...names), said, { maxKeys: 3 });
const config: fc.Arbitrary<Config> = fc
  .tuple(said, fc.record({ agents: by("a", "b"), channels: by("x", "y"), senders: by("x/1", "x/*", "*/2") }, { requiredKeys: [] }))
  .map(([house, levels]) => ({ ...house, ...levels }));

describe("whatever is said", () => {
  it("one more level, place or rule never gives a tool back, and no order matters", async () => {
    await fc.assert(
      fc.asyncProperty(config, fc.array(place, { minLength: 1, maxLength: 3 }), rules, place, said, async (config, places, rules, another, more) => {
        const { offered, policy, host } = await house(config);
        try {
          const before = await offered(places, rules);
          expect(before).toEqual(expect.arrayContaining(await offered([...places, another], rules)));
          expect(before).toEqual(expect.arrayContaining(await offered(places, [...rules, { level: "more", ...more }])));
          expect(await offered([...places].reverse(), [...rules].reverse())).toEqual(before);
          const input = { places, rules, explain: true };
          const { decisions } = await policy.decide({ ...input, tools: [...TOOLS] });
          const { decisions: reversed } = await policy.decide({ ...input, rules: [...rules].reverse(), tools: [...TOOLS].reverse() });
          expect(reversed.reverse()).toEqual(decisions);
        } finally {
          await host.close();
        }
      }),
      { numRuns: 60 },
    );
  });

  it("a pattern means what it says", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 6 }),
        fc.array(fc.constantFrom("a", "b"), { maxLength: 8 }),
        (pattern, text) => {
          const same = new RegExp(`^${pattern.map((one) => (one === "*" ? ".*" : one)).join("")}$`);
          expect(fitting(pattern.join(""))(text.join(""))).toBe(same.test(text.join("")));
        },
      ),
    );
  });
});
