import { errorInfo, type ModelSource, type VendorPurpose } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import type { Run } from "./command.ts";

export const PURPOSES = [
  "plinth.embedding",
  "plinth.rerank",
  "plinth.speech",
  "plinth.transcription",
  "plinth.image-generation",
  "plinth.video-generation",
  "plinth.music-generation",
] as const satisfies readonly VendorPurpose[];

const MOST = 200;

interface State {
  id: string;
  title: string;
  ready: boolean;
  configured: boolean;
  reason: string | undefined;
  defaultModel: string | undefined;
}

/** Who provides embeddings, speech and the like, whether they are set up, and their models by the names under which they are asked. */
export async function modelsFor(run: Run, word: string, wanted: string | undefined): Promise<void> {
  await run.result(await shownFor(run, word, wanted));
}

/** For which purposes a provider has models that do not talk. */
export async function purposesOf(run: Run, id: string): Promise<readonly VendorPurpose[]> {
  const models = run.ctx.use("plinth.models").one();
  const lists = await Promise.all(PURPOSES.map(async (purpose) => (await models.sources({ for: purpose })).sources));
  return PURPOSES.filter((_, at) => lists[at]!.some((source) => source.id === id));
}

/** Of one that has nothing to talk with: all that it has. */
export async function modelsOfOne(run: Run, purposes: readonly VendorPurpose[], id: string): Promise<void> {
  const all = [];
  for (const [at, purpose] of purposes.entries()) {
    const word = purpose.replace("plinth.", "");
    await run.out(`${at === 0 ? "" : "\n"}${run.paint.bold(word)}\n`);
    all.push(await shownFor(run, word, id));
  }
  await run.result({ purposes: all });
}

async function shownFor(run: Run, word: string, wanted: string | undefined): Promise<{ purpose: string; providers: State[]; models: unknown[] }> {
  const purpose = word.includes(".") ? word : `plinth.${word}`;
  const { sources } = await run.ctx.use("plinth.models").one().sources({ for: purpose });
  const states = await Promise.all(sources.filter(({ id }) => wanted === undefined || id === wanted).map((source) => stateOf(run, purpose, source)));
  const shown = states.filter(({ ready, configured }) => wanted !== undefined || run.options.all === true || ready || configured);
  const rows = shown.map(({ id, title, ready, configured, defaultModel, reason }): (string | Cell)[] => [
    id,
    title,
    ready ? { text: "ready", style: "green" } : { text: "not ready", style: configured ? "red" : "dim" },
    ready ? (defaultModel === undefined ? `name its model: ${id}/MODEL` : `default ${defaultModel}`) : (reason ?? ""),
  ]);
  await run.out(renderTable(["PROVIDER", "TITLE", "STATE", "DETAIL"], rows, run.terminal));
  // What `sources` knew is one of these contracts.
  const all = await run.ctx
    .use(purpose as VendorPurpose)
    .get("models")
    .models({}, { signal: run.signal });
  const models = all.models.filter(({ id }) => wanted === undefined || id.startsWith(`${wanted}/`));
  if (models.length > 0) {
    const details = models.slice(0, MOST).map((model) => [plain(model.id), plain(detailOf(model))]);
    await run.out(`\n${renderTable(["MODEL", "KNOWN OF IT"], details, run.terminal)}`);
  }
  const rest = states.length - shown.length;
  if (rest > 0) await run.out(`\n${rest} more are known and not set up: plinth models --for ${plain(word)} --all\n`);
  return { purpose, providers: states, models };
}

/** What the contracts say of a model, in a few words. */
function detailOf(model: Record<string, unknown>): string {
  const { dimensions, maxInputTokens, maxCharacters, formats, languages, maxSeconds, seconds, resolutions, price } = model;
  const lengths = Array.isArray(seconds) && seconds.length > 0 ? seconds.map(Number) : undefined;
  const list = (value: unknown) => (Array.isArray(value) ? value.slice(0, 8).join(" ") : undefined);
  return [
    dimensions === undefined ? undefined : `${dimensions} dimensions`,
    maxInputTokens === undefined ? undefined : `${maxInputTokens} tokens`,
    maxCharacters === undefined ? undefined : `${maxCharacters} characters`,
    maxSeconds === undefined ? undefined : `${maxSeconds} s`,
    lengths === undefined ? undefined : `${[...new Set([Math.min(...lengths), Math.max(...lengths)])].join(" to ")} s`,
    list(resolutions),
    list(formats),
    list(languages),
    price === undefined ? undefined : `$${price}`,
  ]
    .filter((one) => one !== undefined)
    .join(", ");
}

/** A provider that fails to answer is a row of the table, not the end of it. */
async function stateOf(run: Run, purpose: string, { id, title }: ModelSource): Promise<State> {
  try {
    const asked = { provider: id, for: purpose };
    const { ready, configured, reason, defaultModel } = await run.ctx.use("plinth.models").one().status(asked, { signal: run.signal });
    return { id, title, ready, configured, reason, defaultModel };
  } catch (thrown) {
    return { id, title, ready: false, configured: true, reason: errorInfo(thrown).message, defaultModel: undefined };
  }
}
