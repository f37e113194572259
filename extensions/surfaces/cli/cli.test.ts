import { PlinthError, type Principal, type TurnEvent } from "@plinth/sdk";
import { createTestHost, scriptedModels, type TestHostOptions } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import extension from "./index.ts";
import type { Terminal, TerminalItem } from "./line.ts";
import manifest from "./plinth.json" with { type: "json" };

const owner = { role: "owner", via: "test" } as const;
const guest = { role: "guest", via: "test" } as const;
const terminal: Terminal = { cwd: "/", json: false, tty: false, columns: 80, color: false, local: true };
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const host of open.splice(0)) await host.close();
});

async function cli(provide: TestHostOptions["provide"] = [], told: Partial<Terminal> = {}, who: Principal = owner) {
  const host = await createTestHost({ extensions: [{ manifest, extension }], provide });
  open.push(host);
  const main = (argv: string[]) =>
    host
      .use("plinth.entry")
      .one()
      .main({ argv, terminal: { ...terminal, ...told } });
  const run = async (...argv: string[]) => host.as(who, () => collect(main(argv)));
  return { host, run };
}

async function collect(items: AsyncIterable<TerminalItem>) {
  const seen = { out: "", err: "", exit: 0, items: [] as TerminalItem[] };
  for await (const item of items) {
    seen.items.push(item);
    if ("out" in item) seen.out += item.out;
    if ("err" in item) seen.err += item.err;
    if ("exit" in item) seen.exit = item.exit;
  }
  return seen;
}

const turns = (...events: TurnEvent[]) => ({
  contract: "plinth.turns",
  descriptor: { title: "scripted" },
  provider: {
    submit: async function* () {
      yield* events;
    },
  },
});
const start: TurnEvent = { type: "start", runId: "r1", sessionKey: "main" };

describe("the command line", () => {
  it("renders help from descriptors without running a command", async () => {
    const { run } = await cli();
    expect((await run("--help")).out).toContain("plinth 0.0.0-test");
    expect((await run("config", "set", "-h")).out).toContain("plinth config set PATH VALUE");
    expect((await run("--version")).out).toBe("0.0.0-test\n");
    expect((await run("--version", "--json")).out).toBe('{"version":"0.0.0-test"}\n');
  });

  it("keeps and shows no key that is given in the place of a name or a program", async () => {
    const { run } = await cli();
    const key = "sk-none-of-this-is-kept-0123456789";
    const hex = "0123456789abcdef0123456789abcdef";
    for (const words of [[key], [hex], ["--secret", key], ["--keyring", hex], ["--", key]]) {
      const { out, err, exit } = await run("models", "auth", "add", "openai", ...words);
      expect(err).toMatch(/PLINTH_USAGE: That looks like a key itself[\s\S]*plinth init --secret NAME/);
      expect(`${out}${err}`).not.toContain(words.at(-1));
      expect(exit).toBe(1);
    }
    // A name goes on to who keeps credentials, who is not here.
    expect((await run("models", "auth", "add", "openai", "--secret", "OPENAI_WORK_KEY_2026")).err).not.toContain("looks like a key");
  });

  it("answers wrong usage with status 2 and a correction", async () => {
    const { run } = await cli();
    const unknown = await run("statsu");
    expect(unknown).toMatchObject({ exit: 2, out: "" });
    expect(unknown.err).toBe('error: unknown command "statsu"\ndid you mean `plinth status`?\nRun `plinth --help` to see how it is used.\n');
    expect(JSON.parse((await run("statsu", "--json")).out).error).toMatchObject({
      code: "PLINTH_USAGE",
      next: "Did you mean `plinth status`?",
    });
    expect((await run("config")).err).toContain("config validate");
    expect((await run("explain")).exit).toBe(2);
  });

  it("runs commands of other extensions and forwards what they print", async () => {
    const say = {
      contract: "plinth.cli-command",
      id: "say",
      descriptor: { path: ["say"], summary: "Says", args: [{ name: "words", summary: "", variadic: true }] },
      provider: {
        run: async function* ({ args }: { args: Record<string, unknown> }) {
          yield { out: `said ${args.words}\n` };
          yield { confirm: { question: "Sure?", argv: ["say", "yes"] } };
          yield { result: { words: args.words } };
          yield { exit: 3 };
        },
      },
    };
    const { run } = await cli([say]);
    expect(await run("say", "a", "b")).toMatchObject({
      out: "said a,b\n",
      exit: 3,
      items: expect.arrayContaining([{ confirm: expect.anything() }]),
    });
    expect(await run("say", "a", "--json")).toMatchObject({ out: '{"words":["a"]}\n', exit: 3 });
  });

  it("gives JSON even for a command without a result", async () => {
    const provider = {
      run: async function* () {
        yield { out: "hello\n" };
      },
    };
    const { run } = await cli([{ contract: "plinth.cli-command", id: "x", descriptor: { path: ["x"], summary: "" }, provider }]);
    expect((await run("x", "--json")).out).toBe('{"output":"hello\\n"}\n');
  });

  it("prints a coded failure with its owner and the next step, and status 1", async () => {
    const provider = {
      // biome-ignore lint/correctness/useYield: it fails before it says anything
      run: async function* () {
        throw new PlinthError("PLINTH_NO_LUCK", "No luck today.", { extension: "acme.luck", next: "Try tomorrow." });
      },
    };
    const { run } = await cli([{ contract: "plinth.cli-command", id: "luck", descriptor: { path: ["luck"], summary: "" }, provider }]);
    expect(await run("luck")).toMatchObject({
      exit: 1,
      out: "",
      err: "error PLINTH_NO_LUCK: No luck today.\n  in acme.luck\n  next: Try tomorrow.\n",
    });
    expect(JSON.parse((await run("luck", "--json")).out)).toEqual({
      error: { code: "PLINTH_NO_LUCK", message: "No luck today.", extension: "acme.luck", next: "Try tomorrow." },
    });
  });

  it("refuses a guest's command line", async () => {
    const { host, run } = await cli([], {}, guest);
    expect(await run("status")).toMatchObject({ exit: 1, err: expect.stringContaining("PLINTH_NOT_OWNER") });
    const direct = () => collect(host.use("plinth.cli-command").get("config.get").run({ args: {}, options: {}, terminal }));
    await expect(host.as(guest, direct)).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    await expect(direct()).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
  });
});

describe("agent", () => {
  const tool = [
    { type: "tool-start", callId: "c", name: "dice", args: { sides: 6 } },
    { type: "tool-end", callId: "c", name: "dice", result: { content: [{ type: "text", text: "broken" }], isError: true } },
  ] as const satisfies TurnEvent[];
  const end: TurnEvent = { type: "end", status: "ok", text: "Four.", model: "a/b", usage: { inputTokens: 1, outputTokens: 2 } };

  it("streams the answer to out and what tools do to err", async () => {
    const { run } = await cli([turns(start, ...tool, { type: "text", delta: "Fo\u001b[2J" }, { type: "text", delta: "ur." }, end)]);
    const seen = await run("agent", "-m", "roll");
    expect(seen).toMatchObject({ out: "Fo␛[2Jur.\n", exit: 0 });
    expect(seen.err).toBe('→ dice {"sides":6}\n✗ dice: broken\n');
  });

  it("keeps notes on lines of their own", async () => {
    const suggestions = [{ label: "Yes", text: "/yes" }];
    const { run } = await cli([turns(start, { type: "text", delta: "Let me see." }, ...tool, { type: "suggest", suggestions }, end)]);
    const { items } = await run("agent", "-m", "roll");
    expect(items.map((item) => ("out" in item ? item.out : "err" in item ? item.err : ""))).toEqual([
      "Let me see.",
      "\n",
      '→ dice {"sides":6}\n',
      "✗ dice: broken\n",
      "Yes: /yes\n",
    ]);
  });

  it("answers --json with text, run, session, usage and tool calls", async () => {
    const { run } = await cli([turns(start, ...tool, end)]);
    expect(JSON.parse((await run("agent", "-m", "roll", "--json")).out)).toEqual({
      text: "Four.",
      runId: "r1",
      sessionKey: "main",
      usage: { inputTokens: 1, outputTokens: 2 },
      toolCalls: [{ name: "dice", args: { sides: 6 }, isError: true }],
      model: "a/b",
    });
  });

  it("fails with the turn's own code", async () => {
    const error = { code: "PLINTH_MODEL_AUTH", message: "The key was refused.", next: "Set another key." };
    const { run } = await cli([turns(start, { type: "end", status: "error", text: "", error })]);
    expect(await run("agent", "-m", "x")).toMatchObject({
      exit: 1,
      err: expect.stringContaining("error PLINTH_MODEL_AUTH: The key was refused."),
    });
  });
});

describe("sessions", () => {
  const session = { key: "trip", head: null, entries: 3, createdAt: 0, updatedAt: 0, waiting: 2, title: "A week \u001b[2Jin Oslo" };
  const store = (calls: unknown[]) => ({
    contract: "plinth.session-store",
    descriptor: { title: "scripted", durable: false },
    provider: {
      list: () => ({ sessions: [session, { ...session, key: "x".repeat(200), running: "r" }] }),
      get: ({ key }: { key: string }) => (key === "trip" ? { session } : {}),
      update: (input: unknown) => calls.push(input) && { session },
      search: (input: unknown) =>
        calls.push(input) && { hits: [{ key: "trip", entry: "e", seq: 1, at: 0, excerpt: "a train\u202e to Oslo" }], next: "20" },
    },
  });

  it("are listed in a table that fits the terminal, whatever they are called", async () => {
    const { run } = await cli([store([])]);
    const { out } = await run("sessions", "list");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(out).toContain("idle, 2 waiting");
    expect(out).not.toContain("\u001b");
  });

  it("are renamed, found, and deleted after a yes", async () => {
    const calls: unknown[] = [];
    const deleting = {
      contract: "plinth.gateway-method",
      id: "sessions.delete",
      descriptor: { summary: "", scope: "write" },
      provider: { call: (input: unknown) => calls.push(input) && { entries: 3 } },
    };
    const { run } = await cli([store(calls), deleting]);
    await run("sessions", "rename", "trip", "A", "week");
    await run("sessions", "rename", "trip");
    expect((await run("sessions", "search", "train", "os", "-s", "trip")).out).not.toContain("\u202e");
    expect((await run("sessions", "delete", "nope")).err).toContain("PLINTH_SESSION_UNKNOWN");
    const asked = await run("sessions", "delete", "trip");
    expect(asked.items).toContainEqual({ confirm: { question: "Delete the session trip?", argv: ["sessions", "delete", "--yes", "--", "trip"] } });
    expect(calls).toEqual([
      { key: "trip", title: "A week" },
      { key: "trip", title: null },
      { text: "train os", limit: 20, key: "trip" },
    ]);
    expect((await run("sessions", "delete", "--yes", "--", "trip")).out).toBe("trip is deleted, with 3 entries.\n");
    expect(calls.at(-1)).toEqual({ sessionKey: "trip" });
  });

  it("are not watched, nor gone on with, where no gateway runs", async () => {
    const { run } = await cli([store([]), turns(start)]);
    expect((await run("sessions", "follow", "trip")).err).toContain("PLINTH_NO_GATEWAY");
    expect((await run("agent", "-m", "x", "--detach")).err).toContain("PLINTH_NO_GATEWAY");
    expect((await run("agent", "-m", "x", "--mode", "now")).err).toContain("followup, collect, interrupt, steer");
  });
});

describe("commands about the host", () => {
  it("status shows extensions, the gateway and faults with the next step", async () => {
    const { run } = await cli();
    const seen = await run("status");
    expect(seen.out).toContain("plinth.cli");
    expect(seen.out).toContain("not running; start it with: plinth gateway run");
    expect(JSON.parse((await run("status", "--json")).out)).toMatchObject({ generation: 1, gateway: { running: false } });
  });

  it("config set reads JSON where it is JSON and words otherwise", async () => {
    const set: unknown[] = [];
    const provider = { configSet: (input: unknown) => set.push(input) && { generation: 2 } };
    const { run } = await cli([{ contract: "plinth.host-admin", descriptor: { title: "scripted" }, provider }]);
    await run("config", "set", "a", "true");
    await run("config", "set", "b", "word");
    await run("config", "set", "c", '{"x":[1]}');
    await run("config", "unset", "c");
    expect(set).toEqual([{ path: "a", value: true }, { path: "b", value: "word" }, { path: "c", value: { x: [1] } }, { path: "c" }]);
  });

  it("config undo onto what is in the file says that nothing was changed, and changes nothing", async () => {
    const undone: unknown[] = [];
    const provider = {
      configVersions: () => ({
        file: "/plinth.json",
        text: "{}",
        undo: 1,
        kept: [
          { number: 2, at: 0, text: "{}" },
          { number: 1, at: 0, text: "{ log: {} }" },
        ],
      }),
      configUndo: (input: { number: number }) => undone.push(input) && { number: input.number, generation: 3 },
    };
    const { run } = await cli([{ contract: "plinth.host-admin", descriptor: { title: "scripted" }, provider }]);
    expect(await run("config", "undo", "--to", "2")).toMatchObject({ exit: 0, out: "/plinth.json is number 2 as it is; nothing was changed.\n" });
    expect(undone).toEqual([]);
    expect((await run("config", "undo")).out).toBe("- {}\n+ { log: {} }\n/plinth.json is number 1 again (generation 3).\n");
  });

  it("models shows a provider that fails as a row", async () => {
    const models = () => ({ models: [{ id: "tiny" }] });
    const good = { id: "good", priority: 2, status: () => ({ ready: true, defaultModel: "tiny" }), models };
    const bad = {
      id: "bad",
      status: () => {
        throw new Error("no route");
      },
    };
    const { run } = await cli([scriptedModels([good, bad]) as never]);
    const { providers } = JSON.parse((await run("models", "--json")).out);
    expect(providers).toMatchObject([
      { id: "bad", ready: false, reason: "no route" },
      { id: "good", ready: true, models: [{ id: "tiny" }] },
    ]);
    expect((await run("models")).out).toContain("good/tiny");
    expect((await run("models", "nope")).err).toContain("Choose one of: bad, good.");
  });
});

describe("POST /api/cli", () => {
  const request = (body: unknown) => ({
    id: "request",
    method: "POST",
    path: "/api/cli",
    params: {},
    target: "/api/cli",
    query: [],
    headers: {},
    rawHeaders: [],
    url: "http://127.0.0.1/api/cli",
    scheme: "http" as const,
    host: "127.0.0.1",
    remote: "127.0.0.1",
    body: { type: "text" as const, text: typeof body === "string" ? body : JSON.stringify(body) },
  });
  async function post(host: Awaited<ReturnType<typeof cli>>["host"], body: unknown) {
    const answer = { status: 0, lines: [] as TerminalItem[] };
    for await (const item of host.use("plinth.http-route").get("cli.api").handle(request(body))) {
      if (item.type === "head") answer.status = item.status;
      else if (item.type === "text") answer.lines.push(JSON.parse(item.text));
    }
    return answer;
  }

  it("streams terminal items line by line, for the work of the request", async () => {
    const { host } = await cli();
    const answer = await host.as(owner, () => post(host, { argv: ["config", "path"], terminal: {} }));
    expect(answer).toMatchObject({ status: 200, lines: [{ out: expect.stringContaining("plinth.json") }] });
  });

  it("never treats a line from elsewhere as local", async () => {
    const provider = {
      run: async function* () {
        yield { out: "ran" };
      },
    };
    const { host } = await cli([
      { contract: "plinth.cli-command", id: "here", descriptor: { path: ["here"], summary: "", where: "local" }, provider },
    ]);
    const answer = await host.as(owner, () => post(host, { argv: ["here"], terminal: { local: true } }));
    expect(answer.lines).toContainEqual({ err: expect.stringContaining("PLINTH_LOCAL_ONLY") });
    expect(answer.lines).toContainEqual({ exit: 1 });
  });

  it.each(["", "null", "[]", '{"argv":"status"}', { argv: [1] }])("refuses the body %j", async (body) => {
    const { host } = await cli();
    expect(await host.as(owner, () => post(host, body))).toMatchObject({
      status: 400,
      lines: [{ error: { code: "PLINTH_REQUEST" } }],
    });
  });

  it("cancels the command when the client leaves", async () => {
    let stopped: () => void;
    const left = new Promise<void>((resolve) => {
      stopped = resolve;
    });
    const provider = {
      run: async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        yield { out: "begun" };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        stopped();
      },
    };
    const { host } = await cli([{ contract: "plinth.cli-command", id: "wait", descriptor: { path: ["wait"], summary: "" }, provider }]);
    await host.as(owner, async () => {
      for await (const item of host
        .use("plinth.http-route")
        .get("cli.api")
        .handle(request({ argv: ["wait"] }))) {
        if (item.type === "text") break;
      }
    });
    await left;
  });
});
