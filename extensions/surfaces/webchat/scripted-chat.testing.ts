import { PlinthError, type TurnEvent } from "@plinth/sdk";
import type { ScriptedProvider } from "@plinth/sdk/testing";

type Send = (input: { text: string; sessionKey: string; runId: string }, call: { signal: AbortSignal }) => AsyncIterable<TurnEvent>;

interface Script {
  send: Send;
  entries?: (sessionKey: string) => unknown[];
  sessions?: string[];
  abort?: (input: unknown) => void;
  follow?: (input: { runId: string }) => AsyncIterable<unknown>;
}

/** For tests: the methods that the page calls, scripted. */
export function scriptedChat({ send, entries = () => [], sessions = ["main"], abort = () => {}, follow = unknown }: Script): ScriptedProvider[] {
  const method = (id: string, provider: Record<string, unknown>, more: object = {}): ScriptedProvider => ({
    contract: "plinth.gateway-method",
    id,
    descriptor: { summary: id, scope: "write", streaming: provider.open !== undefined, ...more },
    provider: provider as never,
  });
  return [
    method("chat.send", { open: send }, { survives: true }),
    method("chat.follow", { open: follow }, { endless: true }),
    method("chat.abort", {
      call: (input: unknown) => {
        abort(input);
        return { aborted: 1 };
      },
    }),
    method("chat.history", { call: ({ sessionKey }: { sessionKey: string }) => ({ sessionKey, entries: entries(sessionKey) }) }),
    method("sessions.list", { call: () => ({ sessions: sessions.map((key) => ({ key })) }) }),
    method("commands.list", { call: () => ({ commands: COMMANDS }) }),
  ];
}

const unknown = ({ runId }: { runId: string }): AsyncIterable<unknown> => {
  throw new PlinthError("PLINTH_RUN_UNKNOWN", `No run ${runId} is known here.`, { next: "Read the session's history." });
};

const COMMANDS = [
  { name: "help", summary: "What can be typed here." },
  { name: "new", summary: "Start afresh in this session." },
  {
    name: "plugins",
    summary: "Find, install and remove extensions.",
    subcommands: [
      { name: "list", summary: "What is installed." },
      { name: "install", summary: "Install an extension.", usage: "/plugins install ID" },
      { name: "inspect", summary: "Everything about one extension." },
      { name: "uninstall", summary: "Remove an extension." },
    ],
  },
  { name: "status", summary: "How the host is." },
];

const message = (body: object, n: number) => ({ id: `e${n}`, parent: n === 0 ? null : `e${n - 1}`, at: n, body });

/** A conversation with everything that a page has to show. */
export const SAMPLE_ENTRIES = [
  { kind: "message", message: { role: "user", content: [{ type: "text", text: "Which notes mention the harbour?" }] } },
  {
    kind: "message",
    message: {
      role: "assistant",
      content: [
        { type: "text", text: "I will look." },
        { type: "tool-call", id: "c1", name: "search", args: { query: "harbour", path: "notes" } },
      ],
    },
  },
  {
    kind: "message",
    message: {
      role: "tool",
      content: [
        {
          type: "tool-result",
          callId: "c1",
          name: "search",
          content: [{ type: "text", text: "notes/2024-03.md:12: the old harbour\nnotes/trip.md:4: harbour café" }],
        },
      ],
    },
  },
  {
    kind: "message",
    message: {
      role: "assistant",
      content: [
        {
          type: "text",
          text: "Two notes mention it:\n\n1. **2024-03.md** describes *the old harbour*\n2. **trip.md** names a café there\n\nTo see the lines, run:\n\n```sh\ngrep -n harbour notes/*.md\n```\n\n| file | line |\n| --- | --- |\n| `2024-03.md` | 12 |\n| `trip.md` | 4 |\n\nMore at https://example.com/harbour.",
        },
      ],
    },
  },
  { kind: "run-end", status: "ok" },
  {
    kind: "command",
    command: "/plugins inspect demo.weather",
    answer: "**demo.weather** 1.2.0\n\n- tier: process\n- may reach `api.weather.example`",
  },
].map(message);
