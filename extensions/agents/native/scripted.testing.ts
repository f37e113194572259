import type { ModelEvent, ModelMessage, SaidIn } from "@plinth/sdk";
import type { ScriptedProvider, TestExtension, TestHost } from "@plinth/sdk/testing";
import models from "../../models/models/index.ts";
import modelsManifest from "../../models/models/plinth.json" with { type: "json" };

export interface Seen {
  model: string;
  system?: { text: string }[];
  messages: ModelMessage[];
  tools?: { name: string }[];
}

/** What a scripted model does in one call: says these events, or fails. */
export type Script = ModelEvent[] | Error | ((seen: Seen, signal: AbortSignal) => AsyncIterable<ModelEvent>);

/** Who knows the models, as in the product, and what it needs of a host that has no configuration and no secrets. */
export const knowsModels = (config: object = {}): { extensions: TestExtension[]; provide: ScriptedProvider[] } => ({
  extensions: [{ manifest: modelsManifest, extension: models, config }],
  provide: [
    {
      contract: "plinth.kernel",
      descriptor: { title: "Scripted" },
      provider: { snapshot: () => ({ config: { version: 1 }, grants: new Map(), secretExists: async () => false }) as never },
    },
    { contract: "plinth.secret-source", descriptor: { title: "None" }, provider: { resolve: () => null } },
  ],
});

/** A model for tests: plays one script a call, the last one for ever, and remembers what it was asked. */
export function scriptedModel(
  scripts: Script[],
  options: { id?: string; priority?: number; ready?: boolean | (() => boolean); extension?: string } = {},
): ScriptedProvider & { seen: Seen[] } {
  const { id = "scripted", priority = 1, ready = true } = options;
  const seen: Seen[] = [];
  return {
    seen,
    contract: "plinth.model-provider",
    id,
    descriptor: { title: id, priority },
    provider: {
      status: () => ({ ready: typeof ready === "function" ? ready() : ready, reason: "no key", defaultModel: "m" }),
      models: () => ({ models: [{ id: "m" }] }),
      async *stream(input: Seen, { signal }: { signal: AbortSignal }) {
        const script = scripts[Math.min(seen.length, scripts.length - 1)]!;
        seen.push(structuredClone(input));
        if (script instanceof Error) throw script;
        yield* typeof script === "function" ? script(input, signal) : script;
      },
    },
  };
}

export const says = (...deltas: string[]): ModelEvent[] => [
  ...deltas.map((delta) => ({ type: "text" as const, delta })),
  { type: "usage", usage: { inputTokens: 10, outputTokens: deltas.length } },
  { type: "end", reason: "stop" },
];

export const calls = (...list: [id: string, name: string, args?: Record<string, unknown>][]): ModelEvent[] => [
  ...list.map(([id, name, args = {}]) => ({ type: "tool-call" as const, call: { type: "tool-call" as const, id, name, args } })),
  { type: "usage", usage: { inputTokens: 10, outputTokens: 5 } },
  { type: "end", reason: "tool-calls" },
];

type ToolCall = { args: Record<string, unknown>; workspace?: string; runId?: string; sessionKey?: string };

export function scriptedTool(
  id: string,
  effects: string[],
  call: (input: ToolCall, call: { signal: AbortSignal }) => unknown,
  input: object = { type: "object" },
): ScriptedProvider {
  return { contract: "plinth.tool", id, descriptor: { description: `Does ${id}.`, input, effects }, provider: { call } as never };
}

export const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

export interface TurnOptions {
  model?: string;
  history?: ModelMessage[];
  system?: string[];
  signal?: AbortSignal;
  sessionKey?: string;
  workspace?: string;
  kind?: SaidIn;
}

export async function runTurn(
  host: TestHost,
  { model = "auto", history = [{ role: "user", content: [{ type: "text", text: "hi" }] }], system = [], signal, ...place }: TurnOptions = {},
): Promise<any[]> {
  const items: any[] = [];
  const input = { runId: "r", sessionKey: "s", workspace: "/w", model, system, history, ...place };
  for await (const item of host!
    .use("plinth.harness")
    .get("native")
    .run(input, signal ? { signal } : {}))
    items.push(item);
  return items;
}
