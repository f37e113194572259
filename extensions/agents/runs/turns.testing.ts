import { type Extension, type Principal, type TurnEvent, textOf, toolResultsOf } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import router from "../router/index.ts";
import routerManifest from "../router/plinth.json" with { type: "json" };
import sessions from "../sessions/index.ts";
import sessionsManifest from "../sessions/plinth.json" with { type: "json" };
import runs from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface HarnessInput {
  runId: string;
  sessionKey: string;
  model: string;
  system: string[];
  history: any[];
}

export type HarnessScript = (input: HarnessInput, call: { signal: AbortSignal; work: any }) => AsyncIterable<any>;

/** A harness that answers with the last message, in capitals. */
export async function* shout({ history }: HarnessInput): AsyncGenerator<any> {
  const text = textOf(history.at(-1).content).toUpperCase();
  yield { type: "text", delta: text };
  yield { type: "message", message: { role: "assistant", content: [{ type: "text", text }] } };
  yield { type: "done", text, model: "test/m", usage: { inputTokens: 1, outputTokens: 2 } };
}

export function harness(run: HarnessScript, id = "native"): ScriptedProvider {
  return { contract: "plinth.harness", id, descriptor: { title: id, emits: [] }, provider: { run } as never };
}

export interface Options {
  run?: HarnessScript;
  /** Instead of one that only runs. */
  harness?: ScriptedProvider;
  config?: object;
  extensions?: TestExtension[];
  provide?: ScriptedProvider[];
  /** What the router says besides; else it is the real one. */
  route?: object;
  /** Replaces the SQLite store. */
  store?: ScriptedProvider;
}

/** Turns with the real router and the real session store, around a scripted harness. */
export async function startTurns({
  run = shout,
  harness: given = harness(run),
  config = {},
  extensions = [],
  provide = [],
  route,
  store,
}: Options = {}): Promise<TestHost> {
  return createTestHost({
    extensions: [
      { manifest, extension: runs, config },
      ...(route ? [] : [{ manifest: routerManifest, extension: router }]),
      ...(store ? [] : [{ manifest: sessionsManifest, extension: sessions }]),
      ...extensions,
    ],
    provide: [given, ...(route ? [routing(route)] : []), ...provide, ...(store ? [store] : [])],
  });
}

const routing = (more: object): ScriptedProvider => ({
  contract: "plinth.router",
  provider: {
    route: () => ({ ...{ agent: "main", sessionKey: "main", harness: "native", model: "auto", workspace: "/w", system: [] }, ...more }),
    agents: () => ({ agents: [] }),
  } as never,
});

export type End = Extract<TurnEvent, { type: "end" }>;
export const owner: Principal = { role: "owner", via: "test" };

export interface Submission {
  sessionKey?: string;
  runId?: string;
  model?: string;
  system?: string;
  detached?: boolean;
  signal?: AbortSignal;
}

export async function* submit(host: TestHost, text: string, { signal, ...input }: Submission = {}): AsyncGenerator<TurnEvent> {
  yield* host
    .use("plinth.turns")
    .one()
    .submit({ text, surface: "test", ...input }, signal ? { signal } : {});
}

export async function events(host: TestHost, text: string, input: Submission = {}): Promise<TurnEvent[]> {
  const all: TurnEvent[] = [];
  for await (const event of submit(host, text, input)) all.push(event);
  return all;
}

export async function end(host: TestHost, text: string, input: Submission = {}): Promise<End> {
  return (await events(host, text, input)).at(-1) as End;
}

export async function transcript(host: TestHost, key = "main"): Promise<any[]> {
  return (await host.use("plinth.session-store").one().history({ key })).entries.map(({ body }) => body);
}

/** The transcript in words. */
export async function words(host: TestHost, key = "main"): Promise<string[]> {
  return (await transcript(host, key)).map((body) =>
    body.kind === "message"
      ? `${body.message.role}: ${toolResultsOf(body.message.content)[0]?.callId ?? textOf(body.message.content)}`
      : body.kind === "command"
        ? `${body.command} → ${body.answer}`
        : body.status,
  );
}

export function chatCommand(name: string, run: (input: { args: string }, call: any) => AsyncIterable<any>, role?: "anyone"): ScriptedProvider {
  return {
    contract: "plinth.chat-command",
    id: name,
    descriptor: { name, summary: `Does ${name}.`, ...(role ? { role } : {}) },
    provider: { run } as never,
  };
}

export function subscriber(on: string, handler: (payload: any) => unknown): TestExtension {
  return {
    manifest: {
      id: "test.subscriber",
      version: "1.0.0",
      title: "Subscriber",
      description: "",
      engines: { plinth: "*" },
      entry: "./index.js",
      hooks: [{ on }],
    },
    extension: { activate: (ctx) => ctx.hooks.on(on as "turn.end", handler as never) } satisfies Extension,
  };
}

/** A gate that tests open by hand. */
export function gate(): { wait: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { wait: promise, open: resolve };
}
