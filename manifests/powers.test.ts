import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contracts } from "./contracts/index.ts";
import type { ContractDef } from "./define.ts";
import { CHOSEN, HOOK_WORDS, PROVIDE_WORDS } from "./power-words.ts";
import { describePowers, effectivePermissions } from "./powers.ts";
import { type Manifest, Permissions } from "./schema/extension.ts";

const manifest = (permissions: Permissions): Manifest => ({
  id: "acme.x",
  version: "1.0.0",
  title: "X",
  description: "X",
  engines: { plinth: "^0.1.0" },
  permissions,
});

const patternOf = (kind: keyof Permissions): RegExp =>
  new RegExp((Permissions.properties[kind] as unknown as { items: { pattern: string } }).items.pattern);

describe("what an extension may do, in words", () => {
  it.each(["plinth.models", "plinth.model-provider", "plinth.compactor", "plinth.embedding", "plinth.speech", "plinth.video-generation"])(
    "names the cost of %s, behind which models are asked",
    (contract) => {
      const uses = [{ contract, range: "^1" }];
      expect(describePowers({ ...manifest({}), uses }).join()).toContain("at your cost");
    },
  );

  it.each<[Permissions, string[]]>([
    [
      { net: ["api.example.com", "https://api.example.com", "wss://*.example.com:8443", "loopback", "*"] },
      [
        "connect to api.example.com",
        "connect to api.example.com (https only)",
        "connect to *.example.com:8443 (wss only)",
        "connect to servers on this machine",
        "connect to any public host",
      ],
    ],
    [{ fs: ["data", "workspace:ro", "/srv/notes"] }, ["read and write its own folder", "read the workspace", "read and write /srv/notes"]],
    [
      { exec: ["git", "git status *", "git log --oneline", "git show * --stat", "*"] },
      [
        "run git with any arguments",
        "run git status with any further arguments",
        "run git log --oneline (exactly so)",
        "run git show * --stat (exactly so, * is any one argument)",
        "run any program",
      ],
    ],
    [{ net: ["a.example"], secrets: ["KEY"] }, ["connect to a.example", "send the secret KEY to these hosts (it never sees it)"]],
    [{ net: ["*"], secrets: ["KEY"] }, ["connect to any public host", "send the secret KEY to any host, so to whomever it likes (it never sees it)"]],
    [{ env: ["HOME"], principals: ["guest"] }, ["read the environment variable HOME", "take in work for guests"]],
  ])("%j", (permissions, words) => {
    expect(describePowers(manifest(permissions))).toEqual(words);
  });

  it("are as many lines as permissions, no two the same, and hold no control characters", () => {
    const list = (kind: keyof Permissions) => fc.uniqueArray(fc.stringMatching(patternOf(kind)), { maxLength: 6 });
    const folder = fc.tuple(fc.stringMatching(/^(\/[a-z.]{1,4})+$/), fc.constantFrom("", ":ro")).map(([path, ro]) => path + ro);
    const permissions = fc.record({
      fs: fc.uniqueArray(fc.oneof(folder, fc.constantFrom("data", "workspace:ro"))),
      exec: list("exec"),
      net: list("net"),
    });
    fc.assert(
      fc.property(permissions, (given) => {
        const words = describePowers(manifest(given));
        const own = words.filter((one) => !one.startsWith("so it can "));
        expect(new Set(own).size).toBe(given.fs.length + given.exec.length + given.net.length);
        expect(own.length).toBe(new Set(own).size);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they could move the cursor of the terminal that shows the consent.
        expect(words.join("")).not.toMatch(/[\u0000-\u001f\u007f]/);
      }),
    );
  });
});

describe("what powers amount to", () => {
  const asks = (parts: Partial<Manifest>): string[] => describePowers({ ...manifest({}), ...parts });

  it.each<[string, Partial<Manifest>, string[]]>([
    ["a hook on messages", { hooks: [{ on: "message.received" }] }, ["read everything you write, and change it before the agent sees it"]],
    [
      "the same with a host",
      { hooks: [{ on: "message.received" }], permissions: { net: ["api.example"] } },
      ["connect to api.example", "read everything you write, and change it before the agent sees it", "so it can send what you write to api.example"],
    ],
    [
      "a model",
      { provides: [{ contract: "plinth.model-provider", version: "1.0.0", id: "best", descriptor: {} }] },
      ["answer in place of your model and decide which tools are called, and see everything that you write, once you chose it (model-provider best)"],
    ],
    [
      "conversations and any host",
      { uses: [{ contract: "plinth.session-store", range: "^1" }], permissions: { net: ["*"] } },
      ["connect to any public host", "read all conversations, and add entries in its own name", "so it can send all conversations to any host"],
    ],
    [
      "turns",
      { uses: [{ contract: "plinth.turns", range: "^1" }] },
      ["write messages of its own into your conversations, start turns of your agents and read the answers"],
    ],
    [
      "files and a host",
      { permissions: { net: ["a.example"], fs: ["workspace:ro"] } },
      ["connect to a.example", "read the workspace", "so it can send the files that it reads to a.example"],
    ],
    [
      "routes: who reaches them, and with what",
      {
        provides: [
          { methods: ["POST"], path: "/hook/{name}", auth: "own" },
          { path: "/*", auth: "none" },
          { path: "/mine" },
          { path: "/ws\u202e", auth: "none", websocket: {} },
          { methods: ["GET", "PUT"], path: "/both", auth: "token", websocket: {} },
        ].map((descriptor, at) => ({ contract: "plinth.http-route", version: "1.0.0", id: `r${at}`, descriptor })),
      },
      [
        "answer POST /hook/{name} to anybody who can reach the gateway, without its token, and check itself who that is (http-route r0)",
        "answer GET /* to anybody who can reach the gateway, without its token (http-route r1)",
        "answer GET /mine to whoever has the gateway's token (http-route r2)",
        "answer WebSocket /ws%E2%80%AE to anybody who can reach the gateway, without its token (http-route r3)",
        "answer GET, PUT, WebSocket /both to whoever has the gateway's token (http-route r4)",
      ],
    ],
    ["a tool", { provides: [{ contract: "plinth.tool", version: "1.0.0", id: "dice", descriptor: {} }] }, ["provide tool dice"]],
    [
      "a name that is no word of ours",
      { uses: [{ contract: "constructor", range: "^1" }], hooks: [{ on: "__proto__" }] },
      ["use constructor", "take part in __proto__"],
    ],
  ])("%s", (_what, parts, words) => {
    expect(asks(parts)).toEqual(words);
  });

  it("has words for each hook, and for each contract that has to be chosen or is a slot", () => {
    const all = Object.values(contracts) as ContractDef[];
    const missing = all.flatMap(({ id, cardinality, choice, hooks = {} }) => [
      ...Object.keys(hooks).filter((name) => HOOK_WORDS[name] === undefined),
      ...((choice !== undefined || cardinality === "one") && PROVIDE_WORDS[id] === undefined ? [id] : []),
    ]);
    expect(all.flatMap(({ id, choice }) => (choice ? [id] : [])).sort()).toEqual([...CHOSEN].sort());
    // Only the kernel and its inspector provide these.
    expect(missing.sort()).toEqual(["plinth.host", "plinth.host-admin", "plinth.kernel"]);
  });
});

describe("a manifest's permissions", () => {
  const accepts = (kind: keyof Permissions, value: string): boolean => patternOf(kind).test(value);

  it.each<[keyof Permissions, string, boolean]>([
    ["net", "https://api.example.com", true],
    ["net", "wss://*.example.com:8443", true],
    ["net", "[::1]:8080", true],
    ["net", "ftp://a.example", false],
    ["net", "https://a.example/path", false],
    ["net", "unix:/run/x.sock", false],
    ["net", "user@a.example", false],
    ["fs", "/srv/notes:ro", true],
    ["fs", "/", true],
    ["fs", "/srv/../etc", false],
    ["fs", "/srv/..", false],
    ["fs", "/srv/..:ro", false],
    ["fs", "/srv/./x", false],
    ["fs", "/srv//x", false],
    ["fs", "/srv/...", true],
    ["fs", "/srv/a\u001b[2J", false],
    ["fs", "/srv/\u202eabc", false],
    ["fs", "relative", false],
    ["exec", "git status *", true],
    ["exec", "git  status", false],
    ["exec", "git\nstatus", false],
    ["exec", "git status ", false],
    ["exec", "a b\u001b[2J", false],
  ])("%s %j: %s", (kind, value, expected) => {
    expect(accepts(kind, value)).toBe(expected);
  });

  it("are narrowed by the configuration and never widened", () => {
    const declared = manifest({ net: ["a.example", "b.example"], fs: ["data"] });
    expect(effectivePermissions(declared, undefined)).toEqual(declared.permissions);
    expect(effectivePermissions(declared, { net: ["b.example", "c.example"], exec: ["git"] })).toEqual({ net: ["b.example"], fs: [] });
  });
});
