import type { InteractionStep, ModelEvent, ModelInfo, Principal, Usage } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import { knowsModels } from "../../agents/native/scripted.testing.ts";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

type Script = ModelEvent[] | Error;

export const took = (usage: Partial<Usage> | undefined, text = "hi"): ModelEvent[] => [
  { type: "text", delta: text },
  ...(usage === undefined ? [] : [{ type: "usage" as const, usage: { inputTokens: 0, outputTokens: 0, ...usage } }]),
  { type: "end", reason: "stop" },
];

interface Options {
  config?: object;
  scripts?: Script[];
  models?: ModelInfo[];
  local?: boolean;
  unbilled?: { except?: string[] };
  /** What the owner answers; none: nobody can be asked. */
  answers?: (string | undefined)[];
  provide?: ScriptedProvider[];
}

/** The record behind the real models, with a scripted one and a scripted owner. */
export async function usageHost({
  config = {},
  scripts = [took({ inputTokens: 1_000, outputTokens: 100 })],
  models,
  local,
  unbilled,
  answers,
  provide = [],
}: Options = {}) {
  let calls = 0;
  const questions: any[] = [];
  const model: ScriptedProvider = {
    contract: "plinth.model-provider",
    id: "test",
    descriptor: {
      ...{
        title: "Test",
        priority: 1,
        models: models ?? [{ id: "m", contextTokens: 8_000, price: { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 } }],
      },
      ...(local === undefined ? {} : { local }),
      ...(unbilled === undefined ? {} : { unbilled }),
    },
    provider: {
      status: () => ({ ready: true, defaultModel: "m" }),
      models: () => ({ models: [] }),
      async *stream() {
        const script = scripts[Math.min(calls++, scripts.length - 1)]!;
        if (script instanceof Error) throw script;
        yield* script;
      },
    } as never,
  };
  const owner: ScriptedProvider = {
    contract: "plinth.interaction",
    descriptor: { title: "Scripted" },
    provider: {
      async *ask(request: any): AsyncGenerator<InteractionStep> {
        questions.push(request);
        const option = answers?.[questions.length - 1];
        const asked = { ...request, id: "abc", askedBy: "plinth.usage", askedAt: 0, expiresAt: 1 };
        yield { state: "asked", request: asked };
        const answer =
          option === undefined ? { answer: "expired" as const } : { answer: option === "deny" ? ("declined" as const) : ("chosen" as const), option };
        yield { state: "answered", request: asked, answer: { ...answer, by: { role: "owner", via: "test" }, at: 1 } };
      },
    } as never,
  };
  const knows = knowsModels();
  const host = await createTestHost({
    extensions: [{ manifest, extension, config }, ...knows.extensions],
    provide: [model, ...provide, ...(answers === undefined ? [] : [owner]), ...knows.provide],
  });
  return { host, questions, asked: () => calls };
}

export const inTurn = (run: string, session = "main", agent = "main"): Principal => ({ role: "owner", via: "test", scope: { run, session, agent } });

/** One model call in a turn, to its end. */
export async function call(host: TestHost, run: string, session?: string, text = "hello"): Promise<string[]> {
  return host.as(inTurn(run, session), async () => {
    const seen: string[] = [];
    const messages = [{ role: "user" as const, content: [{ type: "text" as const, text }] }];
    const stream = host.use("plinth.models").one().stream({ model: "test/m", messages, retries: 0, fallbacks: [] });
    for await (const event of stream) seen.push(event.type === "waiting" ? `waiting: ${event.message}` : event.type);
    return seen;
  });
}
