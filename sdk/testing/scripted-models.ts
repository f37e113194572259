import type { Call, ModelEvent, ModelInfo, ModelRequest, ModelSource } from "../extension/index.ts";
import { PlinthError } from "../extension/index.ts";
import type { ScriptedProvider } from "./capability-table.ts";

type State = { ready: boolean; configured?: boolean; reason?: string; defaultModel?: string };

export interface ScriptedModel extends Partial<Omit<ModelSource, "id">> {
  id: string;
  status?(): State | Promise<State>;
  models?(): { models: ModelInfo[] } | Promise<{ models: ModelInfo[] }>;
  stream?(request: ModelRequest, call: Call): AsyncIterable<ModelEvent>;
}

/** Who knows the models, for a test host: these, in the order of their priority; `auto` is the first that is ready. */
export function scriptedModels(given: readonly ScriptedModel[]): ScriptedProvider {
  const all = given.map((one) => ({ title: one.id, priority: 1, trusted: true, extension: `test.${one.id}`, ...one }));
  all.sort((a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1));
  const stateOf = async ({ status }: ScriptedModel) => {
    const state = (await status?.()) ?? { ready: true, defaultModel: "m" };
    return { configured: state.ready, ...state };
  };
  const meant = async (name: string): Promise<{ one: (typeof all)[number]; model: string }> => {
    for (const one of all) {
      const { ready, defaultModel = "m" } = await stateOf(one);
      if (name === "auto" && ready) return { one, model: defaultModel };
      if (name.startsWith(`${one.id}/`)) return { one, model: name === `${one.id}/auto` ? defaultModel : name.slice(one.id.length + 1) };
    }
    throw new PlinthError("PLINTH_MODEL_UNKNOWN", `There is no model ${JSON.stringify(name)}.`, { next: "Name one of the test's." });
  };
  const named = (id: string) => {
    const one = all.find((other) => other.id === id);
    if (one === undefined)
      throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no provider ${JSON.stringify(id)}.`, { next: "Name one of the test's." });
    return one;
  };
  const choiceOf = async (name: string) => {
    const { one, model } = await meant(name);
    return { one, choice: { name: `${one.id}/${model}`, provider: one.id, model, maker: `${one.extension}/${one.id}` } };
  };
  return {
    contract: "plinth.models",
    id: "models",
    descriptor: { title: "Scripted" },
    provider: {
      sources: () => ({ sources: all.map(({ status: _, models: __, stream: ___, ...data }) => data) }),
      status: ({ provider }: { provider: string }) => stateOf(named(provider)),
      models: async ({ provider }: { provider: string }) => (await named(provider).models?.()) ?? { models: [] },
      choose: async ({ model }: { model: string }) => ({ choices: [(await choiceOf(model)).choice] }),
      async *stream(request: ModelRequest, call: Call) {
        const { one, choice } = await choiceOf(request.model);
        yield { type: "model", ...choice };
        if (one.stream !== undefined) yield* one.stream({ ...request, model: choice.model }, call);
        else yield { type: "end", reason: "stop" };
      },
      countTokens: () => ({}),
    } as never,
  };
}
