import { createHash } from "node:crypto";
import { type CatalogTool, type Client, canonicalJson, type Effect } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

type Asked = Extract<Parameters<Client<"plinth.interaction">["ask"]>[0], { kind: "approval" }>;

let host: TestHost;
afterEach(() => host.close());

interface House {
  asked: Asked[];
  told: unknown[];
  /** What each question is answered with. */
  answer: string;
  subject: { argv: string[]; cwd: string; env: string[] };
  grants: Record<string, unknown>;
  /** What the catalog says of the only tool of a set. */
  listed: { tool?: CatalogTool };
}

const grant = (digest: string) => ({ consent: "x", digest, version: "1.0.0", at: 1, by: "test", permissions: {}, asks: [] });

async function house(config: { ask?: Effect[] } = {}): Promise<House> {
  const it: House = { asked: [], told: [], answer: "deny", subject: { argv: ["/bin/sh", "-c", "x"], cwd: "/w", env: [] }, grants: {}, listed: {} };
  it.grants["acme.x"] = grant("aa");
  it.grants["acme.y"] = grant("bb");
  const descriptor = { description: "x", input: { type: "object" }, effects: ["exec"] };
  host = await createTestHost({
    extensions: [{ manifest, extension, config }],
    grants: it.grants,
    provide: [
      {
        contract: "plinth.interaction",
        id: "default",
        descriptor: { title: "x" },
        provider: {
          async *ask(asked: Asked) {
            it.asked.push(asked);
            const request = { ...asked, id: "i", askedBy: "plinth.authority", askedAt: 1, expiresAt: 2 };
            yield { state: "asked", request };
            const answer =
              it.answer === "late"
                ? { answer: "expired" }
                : it.answer === "deny"
                  ? { answer: "declined", option: "deny" }
                  : { answer: "chosen", option: it.answer };
            yield { state: "answered", request, answer: { ...answer, by: { role: "owner", via: "test" }, at: 1 } };
          },
        } as never,
      },
      { contract: "plinth.tool", id: "exec", descriptor, provider: { call: () => ({ content: [] }), subject: () => it.subject } as never },
      { contract: "plinth.tool", id: "plain", descriptor, provider: { call: () => ({ content: [] }) } as never },
      {
        contract: "plinth.tool-catalog",
        descriptor: { title: "x" },
        provider: {
          find: (place: { set?: string }) => (place.set === "desk" ? it.listed : {}),
          digest: ({ party }: { party: string }) => (it.listed.tool?.from === party ? { digest: it.listed.tool.digest } : {}),
        } as never,
      },
      {
        contract: "plinth.turns",
        id: "default",
        descriptor: { title: "x" },
        provider: { tell: (input: unknown) => ({ told: it.told.push(input) > 0 }) } as never,
      },
    ],
  });
  return it;
}

let works = 0;
interface Turn {
  role?: "owner" | "guest";
  session?: string;
  agent?: string;
  parties?: string[];
  effects?: string[];
  tool?: string;
  descriptor?: object;
  trusted?: boolean;
  set?: string;
}

/** Whether a call may be made; "ran", or the code. */
function check({
  role = "owner",
  session = "s",
  agent = "main",
  parties = ["acme.x"],
  effects = ["exec"],
  tool = "exec",
  descriptor = {},
  trusted = true,
  set,
}: Turn = {}): Promise<string> {
  return host.as({ role, via: `test-${++works}`, scope: { session, agent, run: "r1" } }, async () => {
    for (const party of parties) host.lower(party, "did");
    const input = { args: { command: "x" }, workspace: "/w", ...(set === undefined ? {} : { tool }) };
    const callee = {
      contract: set === undefined ? "plinth.tool" : "plinth.tool-set",
      id: set ?? tool,
      provider: trusted ? "test.scripted" : "acme.x",
    };
    return host
      .use("plinth.policy")
      .one()
      .check({ extension: "plinth.native", ...callee, trusted, descriptor, method: "call", effects, input })
      .then(
        () => "ran",
        (thrown: { code: string }) => thrown.code,
      );
  });
}

const shell = async (id: string, args: Record<string, string> = {}, options: Record<string, string> = {}) => {
  let out = "";
  await host.as({ role: "owner", via: `shell-${++works}` }, async () => {
    const terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: false };
    for await (const item of host
      .use("plinth.cli-command")
      .get(id)
      .run({ args, options, terminal } as never))
      if ("out" in item) out += item.out;
  });
  return out;
};

describe("what a turn may do by itself", () => {
  it("is everything while only the owner had a hand in it, and nobody is asked", async () => {
    const { asked } = await house();
    expect(await check({ parties: [], effects: ["read", "write", "net", "exec", "send", "spend", "administer"] })).toBe("ran");
    expect(await check({ effects: ["read", "write", "net"] })).toBe("ran");
    expect(await check({ effects: [] })).toBe("ran");
    expect(asked).toEqual([]);
  });

  it("is asked for otherwise, with the action, its digest and those who make it necessary", async () => {
    const it = await house();
    expect(await check({ parties: ["acme.x", "outside"] })).toBe("PLINTH_AUTHORITY");
    const [{ action, digest, influencedBy, risk, sessionKey, runId, agent, options }] = it.asked as [Asked];
    expect(action).toEqual({
      effect: "exec",
      tool: "exec",
      summary: "Run a command on this machine, with the tool exec",
      args: { command: "x" },
      subject: it.subject,
    });
    expect(digest).toBe(createHash("sha256").update(canonicalJson(action)).digest("hex"));
    expect(influencedBy).toEqual([
      { party: "acme.x", how: "did" },
      { party: "outside", how: "did" },
    ]);
    expect([risk, sessionKey, runId, agent]).toEqual(["high", "s", "r1", "main"]);
    // Text from outside is somebody else each time: no lasting yes.
    expect(options.map(({ id }) => id)).toEqual(["once", "session", "deny"]);
    expect(it.told).toMatchObject([
      { runId: "r1", step: { state: "asked" } },
      { runId: "r1", step: { state: "answered" } },
    ]);
  });

  it("runs after a yes, and not after a no, a late answer, or when what would run changed since it was shown", async () => {
    const it = await house();
    for (const [answer, outcome] of [
      ["once", "ran"],
      ["deny", "PLINTH_AUTHORITY"],
      ["late", "PLINTH_AUTHORITY"],
    ] as const) {
      it.answer = answer;
      expect(await check()).toBe(outcome);
    }
    it.answer = "once";
    const { subject } = it;
    Object.defineProperty(it, "subject", { get: () => ({ ...subject, cwd: it.asked.length > 3 ? "/elsewhere" : "/w" }) });
    expect(await check()).toBe("PLINTH_AUTHORITY");
  });

  it("is refused, not asked for, when a guest or an extension wants a command or administration", async () => {
    const it = await house();
    it.answer = "once";
    expect(await check({ role: "guest" })).toBe("PLINTH_AUTHORITY");
    expect(await check({ role: "guest", effects: ["administer"] })).toBe("PLINTH_AUTHORITY");
    expect(it.asked).toEqual([]);
    expect(await check({ role: "guest", effects: ["send"] })).toBe("ran");
    expect(it.asked).toHaveLength(1);
  });

  it("is asked for each time where the owner wants that, whoever had a hand in it, and no allowance changes it", async () => {
    const it = await house({ ask: ["exec"] });
    it.answer = "once";
    await shell("authority.grant", { party: "acme.x", effect: "exec" });
    expect(await check({ parties: [] })).toBe("ran");
    expect(await check()).toBe("ran");
    expect(it.asked.map(({ options }) => options.map(({ id }) => id))).toEqual([
      ["once", "deny"],
      ["once", "deny"],
    ]);
  });

  it("a tool that cannot say what it runs is asked for by its arguments", async () => {
    const it = await house();
    await check({ tool: "plain" });
    expect(it.asked[0]?.action).not.toHaveProperty("subject");
  });
});

describe("what a tool says of itself", () => {
  const listed = (descriptor: Partial<CatalogTool["descriptor"]> = {}, digest = "a".repeat(64)): { tool: CatalogTool } => ({
    tool: {
      ...{ name: "desk__sweep", extension: "acme.x", set: "desk", tool: "sweep", from: "acme.x", digest },
      descriptor: { description: "x", input: { type: "object" }, effects: ["exec"], ...descriptor },
    },
  });

  it("asks for each call of it, the owner's own too, where it wants that", async () => {
    const it = await house();
    it.answer = "once";
    expect(await check({ parties: [], effects: [], descriptor: { approval: "ask" } })).toBe("ran");
    expect(it.asked[0]).toMatchObject({ why: expect.stringMatching(/^This tool asks each time/), influencedBy: [] });
    expect(it.asked[0]?.options.map(({ id }) => id)).toEqual(["once", "deny"]);
    it.answer = "deny";
    expect(await check({ parties: [], effects: [], descriptor: { approval: "ask" } })).toBe("PLINTH_AUTHORITY");
  });

  it("spares the question for the product's own tools, and for nobody else's", async () => {
    const it = await house();
    expect(await check({ descriptor: { approval: "never" } })).toBe("ran");
    expect(it.asked).toEqual([]);
    expect(await check({ descriptor: { approval: "never" }, trusted: false })).toBe("PLINTH_AUTHORITY");
    it.listed = listed({ approval: "never" });
    expect(await check({ set: "desk", tool: "sweep" })).toBe("PLINTH_AUTHORITY");
  });

  it("keeps an owner's tool from guests, whatever its effects", async () => {
    const it = await house();
    expect(await check({ role: "guest", effects: [], descriptor: { ownerOnly: true } })).toBe("PLINTH_AUTHORITY");
    expect(await check({ role: "guest", effects: [] })).toBe("ran");
    expect(it.asked).toEqual([]);
  });

  it("decides for a set's tool, in its own name, and a tool that nobody knows does all that its set may", async () => {
    const it = await house();
    it.listed = listed({ effects: ["read"] });
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("ran");
    it.listed = listed();
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("PLINTH_AUTHORITY");
    expect(it.asked[0]?.action).toMatchObject({ tool: "desk__sweep", summary: expect.stringContaining("of acme.x") });
    expect(await check({ set: "other", tool: "exec", trusted: false })).toBe("PLINTH_AUTHORITY");
    expect(it.asked[1]?.action).toMatchObject({ tool: "other: exec" });
  });

  it("is what was shown when it was allowed: other words are asked for anew, and end what was allowed before", async () => {
    const it = await house();
    it.answer = "once";
    Object.defineProperty(it, "listed", { configurable: true, get: () => listed({}, it.asked.length > 0 ? "b".repeat(64) : "a".repeat(64)) });
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("PLINTH_AUTHORITY");
    Object.defineProperty(it, "listed", { value: listed({}, "c".repeat(64)), writable: true });
    it.answer = "always";
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("ran");
    it.answer = "deny";
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("ran");
    it.listed = listed({}, "d".repeat(64));
    expect(await check({ set: "desk", tool: "sweep", trusted: false })).toBe("PLINTH_AUTHORITY");
  });
});

describe("an allowance", () => {
  it("for a conversation holds there for these parties, and for nobody who comes in later", async () => {
    const it = await house();
    it.answer = "session";
    expect(await check()).toBe("ran");
    it.answer = "deny";
    expect(await check()).toBe("ran");
    expect(await check({ session: "other" })).toBe("PLINTH_AUTHORITY");
    expect(await check({ parties: ["acme.x", "acme.y"] })).toBe("PLINTH_AUTHORITY");
    expect(it.asked.at(-1)?.influencedBy).toEqual([{ party: "acme.y", how: "did" }]);
    expect(await check({ effects: ["send"] })).toBe("PLINTH_AUTHORITY");
  });

  it("for an agent holds in all its conversations, and not in another agent's", async () => {
    const it = await house();
    it.answer = "always";
    expect(await check()).toBe("ran");
    it.answer = "deny";
    expect(await check({ session: "other" })).toBe("ran");
    expect(await check({ agent: "scout" })).toBe("PLINTH_AUTHORITY");
  });

  it("ends with other bytes of the party's package, and when it is taken back", async () => {
    const it = await house();
    await shell("authority.grant", { party: "acme.x", effect: "exec" }, { agent: "main", expires: "7d" });
    expect(await shell("authority.list")).toMatch(/^\w{6} {2}acme\.x may exec for the agent main, until \d{4}-/);
    expect(await check()).toBe("ran");
    it.grants["acme.x"] = grant("cc");
    expect(await check()).toBe("PLINTH_AUTHORITY");
    it.grants["acme.x"] = grant("aa");
    expect(await check()).toBe("ran");
    expect(await shell("authority.revoke", { which: "acme.x" })).toMatch(/^Taken back: /);
    expect(await check()).toBe("PLINTH_AUTHORITY");
    expect(await shell("authority.list")).toMatch(/^Nobody/);
  });

  it.each([
    [{ party: "outside", effect: "exec" }, {}],
    [{ party: "guest:x", effect: "exec" }, {}],
    [{ party: "acme.gone", effect: "exec" }, {}],
    [{ party: "acme.x", effect: "administer" }, {}],
    [{ party: "acme.x", effect: "Exec" }, {}],
    [{ party: "acme.x", effect: "exec" }, { expires: "forever" }],
    [{ party: "acme.x", effect: "exec" }, { expires: "9999d" }],
  ])("is not given by %j %j", async (args, options) => {
    await house();
    await expect(shell("authority.grant", args as never, options)).rejects.toMatchObject({ code: "PLINTH_USAGE" });
  });
});
