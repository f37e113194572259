import { errorInfo, type ModelSource, PlinthError } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

interface ProviderState {
  id: string;
  title: string;
  priority: number;
  ready: boolean;
  reason: string | undefined;
  defaultModel: string | undefined;
  models: { id: string; contextTokens?: number }[];
}

const SHOWN = 12;

/** Providers in the order of the automatic choice, each with its state and its models. */
export const models: OwnCommand = async (run) => {
  const wanted = run.arg("provider");
  const { sources: all } = await run.ctx.use("plinth.models").one().sources({});
  const chosen = all.filter(({ id }) => wanted === undefined || id === wanted);
  if (wanted !== undefined && chosen.length === 0) {
    throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no model provider "${wanted}".`, {
      next:
        all.length > 0
          ? `Choose one of: ${all.map(({ id }) => id).join(", ")}. Another publisher's has to be chosen once: plinth grants choose EXTENSION.`
          : "Install a model provider.",
    });
  }
  const states = await Promise.all(chosen.map((provider) => stateOf(run, provider)));
  const rows = states.map((state): (string | Cell)[] => [
    state.id,
    state.title,
    state.ready ? { text: "ready", style: "green" } : { text: "not ready", style: "dim" },
    state.ready ? `default ${state.defaultModel ?? "unknown"}` : (state.reason ?? ""),
  ]);
  await run.out(renderTable(["PROVIDER", "TITLE", "STATE", "DETAIL"], rows, run.terminal));
  for (const state of states) {
    if (state.models.length === 0 || !(state.ready || wanted !== undefined)) continue;
    const shown = wanted === undefined ? state.models.slice(0, SHOWN) : state.models;
    const more = state.models.length - shown.length;
    const names = shown.map((model) => `  ${plain(`${state.id}/${model.id}`)}\n`).join("");
    await run.out(`\n${run.paint.bold(plain(state.title))}\n${names}${more > 0 ? `  … ${more} more: plinth models ${state.id}\n` : ""}`);
  }
  await run.result({ providers: states });
};

/** A provider that fails to answer is a row of the table, not the end of it. */
async function stateOf(run: Run, { id, title, priority }: ModelSource): Promise<ProviderState> {
  const state: ProviderState = {
    id,
    title,
    priority,
    ready: false,
    reason: undefined,
    defaultModel: undefined,
    models: [],
  };
  const models = run.ctx.use("plinth.models").one();
  try {
    const { ready, reason, defaultModel } = await models.status({ provider: id }, { signal: run.signal });
    Object.assign(state, { ready, reason, defaultModel });
    if (ready) state.models = (await models.models({ provider: id }, { signal: run.signal })).models;
  } catch (thrown) {
    state.reason = errorInfo(thrown).message;
  }
  return state;
}
