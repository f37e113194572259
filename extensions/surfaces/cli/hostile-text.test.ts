import { PlinthError, type TurnEvent } from "@plinth/sdk";
import { createTestHost, scriptedModels } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import extension from "./index.ts";
import type { Terminal, TerminalItem } from "./line.ts";
import manifest from "./plinth.json" with { type: "json" };

/** ANSI, OSC, C1, a line written over, bidi, zero width, tags, a filler: with words between, to see that they were shown at all. */
const HOSTILE = "EVIL\u001b[2J\u001b]0;x\u0007\u009b31m\r\b\u202e\u2066\u200f\u200b\ufeff\u00ad\u{e0041}\u3164\u2028END";
/** What may not reach a terminal as it is, written down apart from the code that takes it away. */
const RAW: readonly [from: number, to: number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x115f, 0x1160],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x3164, 0x3164],
  [0xfeff, 0xfeff],
  [0xe0000, 0xe0fff],
];
const rawIn = (text: string): string[] =>
  [...text]
    .map((char) => char.codePointAt(0) as number)
    .filter((code) => RAW.some(([from, to]) => code >= from && code <= to))
    .map((code) => code.toString(16));

const done: TurnEvent = {
  type: "end",
  status: "ok",
  text: HOSTILE,
  model: HOSTILE,
  origin: { by: "owner", influences: [{ party: HOSTILE, how: HOSTILE }] },
};
const events: TurnEvent[] = [
  { type: "start", runId: "r", sessionKey: "main", origin: { by: "owner", influences: [{ party: HOSTILE, how: `changed ${HOSTILE}` }] } },
  { type: "progress", text: HOSTILE },
  { type: "tool-start", callId: "1", name: HOSTILE, args: { [HOSTILE]: HOSTILE } },
  { type: "tool-end", callId: "1", name: HOSTILE, result: { isError: true, content: [{ type: "text", text: HOSTILE }] } },
  { type: "text", delta: HOSTILE },
  { type: "suggest", by: HOSTILE, suggestions: [{ label: HOSTILE, text: HOSTILE }] },
];
const failed = new PlinthError("PLINTH_EXTENSION_FAILED", HOSTILE, { extension: "acme.evil", next: HOSTILE });

let host: Awaited<ReturnType<typeof createTestHost>>;
afterEach(() => host.close());

async function printed(argv: string[], end: TurnEvent = done): Promise<string> {
  const command = (id: string, run: () => AsyncIterable<TerminalItem>) => ({
    contract: "plinth.cli-command",
    id,
    descriptor: { path: [id], summary: HOSTILE, args: [{ name: HOSTILE, summary: HOSTILE }], examples: [HOSTILE] },
    provider: { run },
  });
  const entry = { id: "e", seq: 1, parent: null, at: 0 };
  const bodies = [
    { kind: "command", command: HOSTILE, answer: HOSTILE },
    { kind: "message", message: { role: "user", content: [{ type: "text", text: HOSTILE }] } },
    {
      kind: "message",
      message: {
        role: "assistant",
        content: [
          { type: "text", text: HOSTILE },
          { type: "tool-call", id: "1", name: HOSTILE, args: { a: HOSTILE } },
        ],
      },
    },
    {
      kind: "message",
      message: { role: "tool", content: [{ type: "tool-result", callId: "1", name: HOSTILE, content: [{ type: "text", text: HOSTILE }] }] },
    },
    { kind: "run-end", status: "error", error: { code: "PLINTH_X", message: HOSTILE } },
  ];
  host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [
      command("says", async function* () {
        yield { out: HOSTILE };
        yield { err: HOSTILE };
        yield { result: { [HOSTILE]: HOSTILE } };
      }),
      command("fails", async function* () {
        yield { out: "x" };
        throw failed;
      }),
      command("asks", async function* () {
        yield { confirm: { question: HOSTILE, argv: ["asks", "again"] } };
        yield { confirm: { question: "Go on?", argv: ["grants", "choose", HOSTILE] } };
      }),
      {
        contract: "plinth.turns",
        descriptor: { title: HOSTILE },
        provider: {
          submit: async function* () {
            yield* [...events, end];
          },
        },
      },
      {
        contract: "plinth.session-store",
        descriptor: { title: "x", durable: true },
        provider: {
          list: () => ({ sessions: [{ key: HOSTILE, head: null, entries: 1, createdAt: 0, updatedAt: 0, running: "r" }] }),
          history: () => ({ entries: bodies.map((body) => ({ ...entry, body })), head: null }),
        },
      },
      scriptedModels([
        {
          id: "evil",
          title: HOSTILE,
          status: () => ({ ready: true, reason: HOSTILE, defaultModel: HOSTILE }),
          models: () => ({ models: [{ id: HOSTILE }] }),
        },
        {
          id: "worse",
          title: HOSTILE,
          priority: 2,
          status: () => {
            throw failed;
          },
        },
      ]),
    ] as never,
  });
  const terminal: Terminal = { cwd: "/", json: false, tty: true, columns: 4_000, color: false, local: true };
  let text = "";
  await host.as({ role: "owner", via: "test" }, async () => {
    for await (const item of host.use("plinth.entry").one().main({ argv, terminal })) {
      text += "out" in item ? item.out : "err" in item ? item.err : "confirm" in item ? `${item.confirm.question} [${item.confirm.argv[0]}]` : "";
    }
  });
  return text;
}

const error: TurnEvent = { type: "end", status: "error", text: "", error: { code: "PLINTH_EXTENSION_FAILED", message: HOSTILE, next: HOSTILE } };
it.each([
  ["a command of a third party", ["says"]],
  ["its failure", ["fails"]],
  ["its question", ["asks"]],
  ["its help", ["says", "--help"]],
  ["a turn", ["agent", "-m", "hi"]],
  ["a turn that fails", ["agent", "-m", "hi"], error],
  ["the models", ["models"]],
  ["the sessions", ["sessions", "list"]],
  ["a history", ["sessions", "show", "main"]],
] as [string, string[], TurnEvent?][])("%s steers no terminal and hides nothing, with and without --json", async (_what, argv, end) => {
  for (const json of [[], ["--json"]]) {
    const text = await printed([...argv, ...json], end);
    expect(rawIn(text)).toEqual([]);
    if (json.length === 0) expect(text).toContain("EVIL");
    await host.close();
  }
});

it("a question of a third party runs no command of others", async () => {
  const text = await printed(["asks"]);
  expect(text).toMatch(/ asks: EVIL.* \[asks\]/);
  expect(text).toContain("suggests to run: plinth grants choose");
  expect(text).not.toContain("[grants]");
});
