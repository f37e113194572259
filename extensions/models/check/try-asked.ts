import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { type ContentPart, type Context, keepArtifact, PlinthError } from "@plinth/sdk";
import { type MadeFiles, piecesOf } from "./made-files.ts";

/** What is asked of a model, as the command line says it. */
export interface Wanted {
  readonly words: readonly string[];
  readonly model: { model?: string };
  readonly voice: string | undefined;
  readonly cwd: string;
}

/** What is told while it works, and at last what came of it. */
export type Step = { doing: string } | { warning: string } | { usage: object } | { text: string; facts: Record<string, unknown> };

type Ask = (ctx: Context, wanted: Wanted, files: MadeFiles, signal: AbortSignal) => AsyncGenerator<Step>;

const PROVIDER = "models";
const SHOWN_NUMBERS = 6;
const SHOWN_DOCUMENT = 60;
const MOST_BYTES = 64 * 1_048_576;
const KEPT_MS = 3_600_000;

/** By their word in commands. */
export const ASKS: Readonly<Record<string, Ask>> = {
  embedding: embed,
  rerank,
  speech: speak,
  transcription: transcribe,
  "image-generation": made("plinth.image-generation"),
  "video-generation": made("plinth.video-generation"),
  "music-generation": made("plinth.music-generation"),
};

async function* embed(ctx: Context, { words, model }: Wanted, _files: MadeFiles, signal: AbortSignal): AsyncGenerator<Step> {
  const inputs: [[ContentPart]] = [[{ type: "text", text: words.join(" ") }]];
  const answer = await ctx
    .use("plinth.embedding")
    .get(PROVIDER)
    .embed({ inputs, ...model }, { signal });
  if (answer.usage !== undefined) yield { usage: answer.usage };
  const vector = answer.form === "float32" ? numbersOf(answer.vectors[0] ?? "") : undefined;
  const begins =
    vector === undefined
      ? ""
      : `: ${vector
          .slice(0, SHOWN_NUMBERS)
          .map((one) => one.toPrecision(3))
          .join(" ")}${vector.length > SHOWN_NUMBERS ? " …" : ""}`;
  const { dimensions, identity, form } = answer;
  yield {
    text: `${dimensions} numbers (${form})${begins}`,
    facts: { answered: answer.model, dimensions, identity, form, vector: vector ?? answer.vectors[0] },
  };
}

function numbersOf(base64: string): number[] {
  const bytes = Buffer.from(base64, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => Number(bytes.readFloatLE(at * 4).toPrecision(6)));
}

async function* rerank(ctx: Context, { words, model }: Wanted, _files: MadeFiles, signal: AbortSignal): AsyncGenerator<Step> {
  const [query, ...documents] = words;
  if (query === undefined || documents.length === 0)
    throw usage("A query and no document is nothing to put in order.", 'Give both: plinth models try rerank "QUERY" "DOCUMENT" "DOCUMENT"');
  const answer = await ctx
    .use("plinth.rerank")
    .get(PROVIDER)
    .rerank({ query, documents, ...model }, { signal });
  if (answer.usage !== undefined) yield { usage: answer.usage };
  const rows = answer.results.map(({ index, score }) => `${score.toFixed(4)}  ${(documents[index] ?? "").slice(0, SHOWN_DOCUMENT)}`);
  yield { text: rows.join("\n"), facts: { answered: answer.model, results: answer.results } };
}

async function* speak(ctx: Context, { words, model, voice }: Wanted, files: MadeFiles, signal: AbortSignal): AsyncGenerator<Step> {
  const lines = [{ text: words.join(" "), ...(voice === undefined ? {} : { voice }) }];
  const items = ctx
    .use("plinth.speech")
    .get(PROVIDER)
    .speak({ lines, ...model }, { signal })
    [Symbol.asyncIterator]();
  const told: Step[] = [];
  let facts: Record<string, unknown> = {};
  let [mimeType, ending]: [string, string | undefined] = ["audio/mpeg", undefined];
  /** The sound, and beside it what else is told, until the next piece of it or the end. */
  async function* sound(): AsyncGenerator<string> {
    for (let next = await items.next(); next.done !== true; next = await items.next()) {
      const item = next.value;
      if (item.type === "start") {
        const { sampleRate, channels } = item;
        facts = {
          ...facts,
          format: item.format,
          ...(sampleRate === undefined ? {} : { sampleRate }),
          ...(channels === undefined ? {} : { channels }),
        };
        [mimeType, ending] = [item.mimeType, item.format === "opus" ? "ogg" : item.format];
        return;
      }
      if (item.type === "audio") yield item.base64;
      if (item.type === "usage") told.push({ usage: item.usage });
      if (item.type === "warning") told.push({ warning: item.message });
      if (item.type === "end" && item.seconds !== undefined) facts = { ...facts, seconds: item.seconds };
    }
  }
  try {
    for await (const _ of sound());
    await files.save(mimeType, sound(), ending);
  } finally {
    await items.return?.();
  }
  yield* told;
  yield { text: "", facts };
}

async function* transcribe(ctx: Context, { words, model, cwd }: Wanted, _files: MadeFiles, signal: AbortSignal): AsyncGenerator<Step> {
  const audio = await recording(ctx, resolve(cwd, words.join(" ")), signal);
  for await (const item of ctx
    .use("plinth.transcription")
    .get(PROVIDER)
    .transcribe({ audio, ...model }, { signal })) {
    if (item.type === "progress") yield { doing: item.percent === undefined ? "listening" : `${Math.round(item.percent)} %` };
    if (item.type === "usage") yield { usage: item.usage };
    if (item.type === "warning") yield { warning: item.message };
    if (item.type !== "end") continue;
    const { text, language, seconds } = item;
    yield { text, facts: { text, ...(language === undefined ? {} : { language }), ...(seconds === undefined ? {} : { seconds }) } };
  }
}

const SOUNDS: Readonly<Record<string, string>> = {
  ...{ ".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".flac": "audio/flac" },
  ...{ ".m4a": "audio/mp4", ".aac": "audio/aac", ".mp4": "video/mp4", ".webm": "video/webm" },
};

/** A file of the owner's, kept for an hour under an id that models' code reads it by. */
async function recording(ctx: Context, path: string, signal: AbortSignal) {
  const mimeType = SOUNDS[extname(path).toLowerCase()];
  if (mimeType === undefined) throw usage(`${path} has no ending of a recording.`, `Name a file with one of ${Object.keys(SOUNDS).join(", ")}.`);
  const wrong = (why: string) => new PlinthError("PLINTH_FILE", `${path} cannot be read: ${why}.`, { next: "Check the path." });
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((thrown: NodeJS.ErrnoException) => {
    throw wrong(thrown.code === "ENOENT" ? "it is not there" : String(thrown.code));
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw wrong("it is not a file");
    if (found.size > MOST_BYTES) throw wrong(`it is larger than ${MOST_BYTES / 1_048_576} MiB`);
    const name = basename(path);
    const bytes = new Uint8Array(await handle.readFile());
    const { id } = await keepArtifact(ctx.use("plinth.artifacts").one(), bytes, { mimeType, name, ttlMs: KEPT_MS }, signal);
    const type = mimeType.startsWith("video/") ? ("video" as const) : ("audio" as const);
    return { type, artifact: id, mimeType, bytes: bytes.length, name };
  } finally {
    await handle.close();
  }
}

/** Something that is made, in a queue or at once. Whoever stops waiting stops the work: it would be paid for. */
function made(purpose: "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation"): Ask {
  return async function* (ctx, { words, model }, files, signal) {
    const client = ctx.use(purpose).get(PROVIDER);
    let job: string | undefined;
    let over = false;
    try {
      for await (const item of client.generate({ prompt: words.join(" "), ...model }, { signal })) {
        if (item.type === "job") job = item.job;
        if (item.type === "progress") yield { doing: progressOf(item) };
        if (item.type === "usage") yield { usage: item.usage };
        if (item.type === "warning") yield { warning: item.message };
        if (item.type === "part" && isMedium(item.part))
          await files.save(
            item.part.mimeType,
            piecesOf(item.part, () => ctx.use("plinth.artifacts").one(), signal),
          );
        if (item.type !== "end") continue;
        over = true;
        if (item.reason !== "done" || files.saved.length === 0)
          throw new PlinthError(
            "PLINTH_MODEL_FILTER",
            `Nothing was made: ${item.reason === "filter" ? "the vendor's rules withheld it" : item.reason}.`,
            {
              next: "Say it differently, or name another model with --model.",
            },
          );
        yield { text: "", facts: item.withheld === undefined ? {} : { withheld: item.withheld } };
      }
    } finally {
      if (!over && job !== undefined)
        await client.cancel({ job }).catch((thrown: unknown) => ctx.log.warn("the work could not be ended", { thrown }));
    }
  };
}

const isMedium = (part: ContentPart): part is Extract<ContentPart, { type: "image" | "audio" | "video" }> =>
  part.type === "image" || part.type === "audio" || part.type === "video";

const progressOf = ({ state, percent, place, text }: { state: string; percent?: number; place?: number; text?: string }): string => {
  const where = percent !== undefined ? `${Math.round(percent)} %` : place !== undefined ? `place ${place}` : text;
  return where === undefined ? state : `${state}, ${where}`;
};

const usage = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });
