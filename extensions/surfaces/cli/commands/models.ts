import { errorInfo, type ModelInfo, type ModelSource, PlinthError, type RateLimit } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";
import { modelsFor, modelsOfOne, purposesOf } from "./models-for.ts";

interface ProviderState {
  id: string;
  title: string;
  priority: number;
  ready: boolean;
  configured: boolean;
  reason: string | undefined;
  defaultModel: string | undefined;
  models: ModelInfo[];
  /** What its server said of them when it answered last. */
  limits?: RateLimit[];
}

const SHOWN = 12;

/** Providers in the order of the automatic choice, each with its state and its models. */
export const models: OwnCommand = async (run) => {
  const wanted = run.arg("provider");
  const purpose = typeof run.options.for === "string" ? run.options.for : undefined;
  if (purpose !== undefined) return modelsFor(run, purpose, wanted);
  const { sources: all } = await run.ctx.use("plinth.models").one().sources({});
  const chosen = all.filter(({ id }) => wanted === undefined || id === wanted);
  if (wanted !== undefined && chosen.length === 0) {
    const purposes = await purposesOf(run, wanted);
    if (purposes.length > 0) return modelsOfOne(run, purposes, wanted);
    const ids = all.map(({ id }) => id);
    throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no model provider "${wanted}".`, {
      next:
        ids.length === 0
          ? "Install a model provider."
          : `Choose one of: ${ids.slice(0, SHOWN).join(", ")}${ids.length > SHOWN ? " … (plinth models --all)." : "."} Another publisher's has to be chosen once: plinth grants choose EXTENSION.`,
    });
  }
  const states = await Promise.all(chosen.map((provider) => stateOf(run, provider, wanted !== undefined)));
  const shown = states.filter((state) => wanted !== undefined || run.options.all === true || state.ready || state.configured);
  const rows = shown.map((state): (string | Cell)[] => [
    state.id,
    state.title,
    state.ready ? { text: "ready", style: "green" } : { text: "not ready", style: state.configured ? "red" : "dim" },
    state.ready ? `default ${state.defaultModel ?? "unknown"}` : (state.reason ?? ""),
  ]);
  await run.out(renderTable(["PROVIDER", "TITLE", "STATE", "DETAIL"], rows, run.terminal));
  if (wanted === undefined) await lists(run, shown);
  else for (const state of shown) await details(run, state);
  const rest = states.length - shown.length;
  if (rest > 0) await run.out(`\n${rest} more are known and not set up: plinth models --all, and plinth init sets one up.\n`);
  await run.result({ providers: states });
};

async function lists(run: Run, states: readonly ProviderState[]): Promise<void> {
  for (const { id, title, ready, models: own } of states) {
    if (!ready || own.length === 0) continue;
    const more = own.length - SHOWN;
    const names = own.slice(0, SHOWN).map((model) => `  ${plain(`${id}/${model.id}`)}\n`);
    await run.out(`\n${run.paint.bold(plain(title))}\n${names.join("")}${more > 0 ? `  … ${more} more: plinth models ${id}\n` : ""}`);
  }
}

/** What one would want to know before a call: how much a model reads, what it takes and what it costs. */
async function details(run: Run, { id, models: own, limits = [] }: ProviderState): Promise<void> {
  const left = limits.map(({ of, limit, left }) => `${left ?? "an unknown number"}${limit === undefined ? "" : ` of ${limit}`} ${plain(of)}`);
  if (left.length > 0) await run.out(`\nLeft when it answered last: ${left.join(", ")}.\n`);
  if (own.length === 0) return;
  const rows = own.map(({ id: model, contextTokens, maxOutputTokens, input = [], price = {} }): string[] => [
    plain(`${id}/${model}`),
    tokens(contextTokens),
    tokens(maxOutputTokens),
    ["text", ...input].join(" "),
    dollars(price.input),
    dollars(price.output),
  ]);
  await run.out(`\n${renderTable(["MODEL", "CONTEXT", "OUTPUT", "TAKES", "$/M IN", "$/M OUT"], rows, run.terminal)}`);
}

const dollars = (price: number | undefined): string => (price === undefined ? "" : String(price));

/** Such as `128k`; nothing where it is not known. */
function tokens(count: number | undefined): string {
  if (count === undefined) return "";
  return count >= 1_000_000 ? `${Math.round(count / 100_000) / 10}M` : count >= 1_000 ? `${Math.round(count / 1_000)}k` : String(count);
}

/** A provider that fails to answer is a row of the table, not the end of it. */
async function stateOf(run: Run, { id, title, priority }: ModelSource, alone: boolean): Promise<ProviderState> {
  const state: ProviderState = { id, title, priority, ready: false, configured: false, reason: undefined, defaultModel: undefined, models: [] };
  const known = run.ctx.use("plinth.models").one();
  try {
    const { ready, configured, reason, defaultModel, limits } = await known.status({ provider: id }, { signal: run.signal });
    Object.assign(state, { ready, configured, reason, defaultModel }, limits === undefined ? {} : { limits });
    if (ready || alone) state.models = (await known.models({ provider: id }, { signal: run.signal })).models;
  } catch (thrown) {
    state.reason ??= errorInfo(thrown).message;
    // What fails is shown, whether or not somebody set it up.
    state.configured = true;
  }
  return state;
}
