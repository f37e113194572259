import { describe, expect, it } from "vitest";
import { PlinthError } from "../../extension/errors.ts";
import {
  createTestHost,
  describeConformance,
  embeddingConformance,
  imageGenerationConformance,
  mediaUnderstandingConformance,
  musicGenerationConformance,
  rerankConformance,
  speechConformance,
  transcriptionConformance,
  videoGenerationConformance,
} from "../index.ts";

interface Call {
  signal: AbortSignal;
}

const opening = (contract: string, make: () => object) => async () => {
  const host = await createTestHost({ provide: [{ contract, id: "x", provider: { ...served, ...make() } as never }] });
  return { provider: host.use(contract as never).get("x") as any, close: () => host.close() };
};

async function failures(cases: readonly { name: string; run(subject: any): Promise<void> }[], subject: object): Promise<string[]> {
  const failed: string[] = [];
  for (const one of cases) await one.run(subject).catch(() => failed.push(one.name));
  return failed;
}

const served = { status: () => ({ ready: true, defaultModel: "m" }), models: () => ({ models: [{ id: "m" }] }) };
const end = { type: "end" };

/** The warnings of what it cannot take, or a refusal: this model minds no field of `names`, and no other model is there. */
function taken(request: Record<string, unknown>, ...names: string[]): { type: string; code: string; message: string; param: string }[] {
  if ((request.model ?? "m") !== "m") throw new PlinthError("PLINTH_MODEL_UNKNOWN", "There is no such model.");
  const left = names.filter((name) => request[name] !== undefined);
  if (left.length > 0 && request.onUnsupported !== "drop")
    throw new PlinthError("PLINTH_MODEL_UNSUPPORTED", `It takes no ${left[0]}.`, { details: { param: left[0], retryable: false } });
  return left.map((param) => ({ type: "warning", code: "unsupported", message: `It takes no ${param}.`, param }));
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const words = (text: string): string[] => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];

/** Words at places that follow from their letters. */
function vectorOf(text: string, dimensions: number): Buffer {
  const numbers = new Float32Array(dimensions);
  for (const word of words(text)) numbers[[...word].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 9_973, 7) % dimensions]! += 1;
  const length = Math.hypot(...numbers) || 1;
  const bytes = Buffer.alloc(dimensions * 4);
  for (const [at, value] of numbers.entries()) bytes.writeFloatLE(value / length, at * 4);
  return bytes;
}

const honestEmbedding = {
  embed(request: any) {
    taken(request, ...(request.form === undefined || request.form === "float32" ? [] : ["form"]));
    const dimensions = request.dimensions ?? 256;
    const vectors = request.inputs.map((parts: { text?: string }[]) => {
      const text = parts.map((part) => part.text ?? "").join(" ");
      if (text.length > 200 && request.truncate !== true) throw new PlinthError("PLINTH_MODEL_CONTEXT", "It is too long.");
      return base64(vectorOf(text.slice(0, 200), dimensions));
    });
    return { model: "m", identity: `m/${dimensions}`, dimensions, form: "float32", vectors, usage: { inputTokens: 1 } };
  },
};
const texts = (...all: string[]) => all.map((text) => [{ type: "text" as const, text }]);
const embeddingSubject = (provider: object) => ({
  open: opening("plinth.embedding", () => provider),
  good: { inputs: texts("a stone", "a river") },
  bad: { inputs: texts("a stone"), model: "none" },
  unsupported: { inputs: texts("a stone"), form: "bits" as const },
  long: { inputs: texts("long ".repeat(100)) },
  shorter: 64,
});

const honestRerank = {
  rerank({ query, documents, top, ...request }: any) {
    taken(request, "truncate");
    const asked = new Set(words(query));
    const results = documents.map((one: string, index: number) => ({ index, score: words(one).filter((word) => asked.has(word)).length }));
    return { model: "m", results: results.sort((a: any, b: any) => b.score - a.score).slice(0, top) };
  },
};
const question = { query: "Where does the river end?", documents: ["Stones are hard.", "The river ends in the sea.", "Two is even."] };
const rerankSubject = (provider: object) => ({
  open: opening("plinth.rerank", () => provider),
  good: question,
  bad: { ...question, model: "none" },
  unsupported: { ...question, truncate: true },
  best: 1,
});

/** Each letter is a tone of a tenth of a second. */
const honestSpeech = {
  voices: ({ cursor }: { cursor?: string }) => (cursor === undefined ? { voices: [{ id: "ada", title: "Ada" }], next: "2" } : { voices: [] }),
  async *speak({ lines, timings, format = "wav", ...request }: any) {
    const warnings = taken(request, "instructions");
    yield { type: "start", mimeType: "audio/wav", format, sampleRate: 8_000 };
    yield* warnings;
    let heard = 0;
    for (const [line, { text }] of lines.entries()) {
      yield { type: "audio", base64: base64(text) };
      const start = heard;
      heard += text.length / 10;
      if (timings) yield { type: "timing", line, from: 0, to: text.length, start, end: heard };
    }
    yield { type: "usage", usage: { characters: heard * 10 } };
    yield { ...end, seconds: heard };
  },
};
const line = { lines: [{ text: "Good morning.", voice: "ada" }, { text: "Good night." }] };
const speechSubject = (provider: object) => ({
  open: opening("plinth.speech", () => provider),
  good: line,
  bad: { ...line, model: "none" },
  unsupported: { ...line, instructions: "whisper" },
  timed: { ...line, timings: true },
});

/** Recordings whose bytes are what is said in them. */
const honestTranscription = () => {
  const listening = new Map<string, (piece: { text: string; last?: boolean }) => void>();
  return {
    async *transcribe({ audio, timings, ...request }: any) {
      const warnings = taken(request, "translateTo");
      const text = Buffer.from(audio.base64, "base64").toString();
      yield* warnings;
      yield { type: "text", delta: text };
      const said = text.split(" ").map((word, at) => ({ text: word, start: at, end: at + 1 }));
      yield { type: "segment", segment: { text, start: 0, end: said.length, ...(timings === "word" ? { words: said } : {}) } };
      yield { ...end, text, seconds: said.length };
    },
    async *listen() {
      const id = `l${listening.size}`;
      const heard: { text: string; last?: boolean }[] = [];
      let wake = () => {};
      listening.set(id, (piece) => {
        heard.push(piece);
        wake();
      });
      yield { type: "ready", id };
      let text = "";
      for (let at = 0; ; at++) {
        while (heard.length <= at) await new Promise<void>((resolve) => (wake = resolve));
        text += heard[at]!.text;
        if (heard[at]!.last) break;
        yield { type: "interim", segment: { text } };
      }
      listening.delete(id);
      yield { type: "segment", segment: { text } };
      yield { ...end, text };
    },
    hear({ id, base64, last }: { id: string; base64: string; last?: boolean }) {
      const give = listening.get(id);
      if (give === undefined) throw new PlinthError("PLINTH_MODEL_LISTEN", "Nobody listens.");
      give({ text: Buffer.from(base64, "base64").toString(), ...(last ? { last } : {}) });
      return {};
    },
  };
};
const recording = { audio: { type: "audio" as const, mimeType: "audio/wav", base64: base64("good morning everybody") } };
const transcriptionSubject = (make: () => object) => ({
  open: opening("plinth.transcription", make),
  good: recording,
  bad: { ...recording, model: "none" },
  unsupported: { ...recording, translateTo: "fr" },
  says: /good morning/,
  timed: recording,
  live: { request: { format: "pcm" as const, sampleRate: 16_000 }, pieces: ["good ", "morning ", "all"].map((piece) => Buffer.from(piece)) },
});

/** Works on by itself, each job with a handle; a prompt of `slow` never ends. */
const honestStudio = (type: "image" | "video" | "audio") => () => {
  const jobs = new Map<string, { state: "running" | "done" | "cancelled"; parts: object[]; changed: Promise<void>; change(): void }>();
  const known = (job: string) => {
    const found = jobs.get(job);
    if (found === undefined) throw new PlinthError("PLINTH_MODEL_JOB", "There is no such work.");
    return found;
  };
  async function* follow(job: string, { signal }: Call) {
    const work = known(job);
    yield { type: "progress", state: "running", percent: 50 };
    if (work.state === "running") await Promise.race([work.changed, new Promise((_, reject) => signal.addEventListener("abort", reject))]);
    yield* work.parts;
    yield { ...end, reason: work.state };
  }
  return {
    async *generate({ prompt, count = 1, ...request }: any, call: Call) {
      yield* taken(request, "seed");
      const job = `job-${jobs.size}-${prompt.length}`;
      const part = { type, mimeType: `${type}/x`, base64: base64(prompt) };
      const { promise: changed, resolve: change } = Promise.withResolvers<void>();
      const isSlow = prompt === "slow";
      jobs.set(job, { state: isSlow ? "running" : "done", parts: isSlow ? [] : Array(count).fill({ type: "part", part }), changed, change });
      yield { type: "job", job };
      yield* follow(job, call);
    },
    async *resume({ job }: { job: string }, call: Call) {
      yield* follow(job, call);
    },
    cancel({ job }: { job: string }) {
      const work = known(job);
      const cancelled = work.state === "running";
      if (cancelled) work.state = "cancelled";
      work.change();
      return { cancelled };
    },
  };
};
const studioSubject = (kind: "image" | "video" | "music", make: () => object) => ({
  open: opening(`plinth.${kind}-generation`, make),
  good: { prompt: "a river", count: 2 },
  bad: { prompt: "a river", model: "none" },
  unsupported: { prompt: "a river", seed: 7 },
  slow: { prompt: "slow" },
});

/** Pictures whose bytes are what there is to see. */
const honestLook = {
  async *understand({ media, output, ...request }: any) {
    yield* taken(request, "language");
    const seen = media.map(({ part }: any) => Buffer.from(part.base64, "base64").toString()).join(", ");
    const text = output === undefined ? seen : JSON.stringify({ seen });
    yield { type: "text", delta: text.slice(0, 3) };
    yield { type: "text", delta: text.slice(3) };
    yield { type: "moment", media: 0, start: 1, text: seen };
    yield { ...end, text, reason: "stop" };
  },
};
const picture = { media: [{ part: { type: "image" as const, mimeType: "image/png", base64: base64("a red barn") } }] };
const lookSubject = (provider: object) => ({
  open: opening("plinth.media-understanding", () => provider),
  good: picture,
  bad: { ...picture, model: "none" },
  unsupported: { ...picture, language: "fr" },
  says: /barn/,
  structured: { ...picture, output: { schema: { type: "object" } } },
});

describeConformance({ describe, it }, "an honest embedding", embeddingConformance, embeddingSubject(honestEmbedding));
describeConformance({ describe, it }, "an honest reranker", rerankConformance, rerankSubject(honestRerank));
describeConformance({ describe, it }, "an honest voice", speechConformance, speechSubject(honestSpeech));
describeConformance({ describe, it }, "an honest writer", transcriptionConformance, transcriptionSubject(honestTranscription));
describeConformance({ describe, it }, "an honest painter", imageGenerationConformance, studioSubject("image", honestStudio("image")));
describeConformance({ describe, it }, "an honest film maker", videoGenerationConformance, studioSubject("video", honestStudio("video")));
describeConformance({ describe, it }, "an honest composer", musicGenerationConformance, studioSubject("music", honestStudio("audio")));
describeConformance({ describe, it }, "an honest look", mediaUnderstandingConformance, lookSubject(honestLook));

describe("the suites of models for one purpose", () => {
  it("notice an embedding that mixes up its inputs, takes all for one space, and cuts unasked", async () => {
    const careless = {
      embed(request: any) {
        const answer = honestEmbedding.embed({ ...request, truncate: true, model: undefined, onUnsupported: "drop" });
        return { ...answer, identity: "m", vectors: [...answer.vectors].reverse() };
      },
    };
    expect(await failures(embeddingConformance, embeddingSubject(careless))).toEqual([
      "refuses a bad request with a coded error",
      "refuses what it cannot take, and leaves it out where that is wanted",
      "gives each input its own vector, in the order in which they were asked, however many",
      "makes shorter vectors where they are asked for, of length one and with another identity",
      "refuses what is too long, and cuts it where that is wanted",
    ]);
  });

  it("notice a reranker that leaves all as it is", async () => {
    const lazy = { rerank: ({ documents }: any) => ({ model: "m", results: documents.map((_: string, index: number) => ({ index, score: 0 })) }) };
    expect(await failures(rerankConformance, rerankSubject(lazy))).toEqual([
      "refuses a bad request with a coded error",
      "refuses what it cannot take, and leaves it out where that is wanted",
      "puts what answers first, wherever it stood",
      "gives as many as are wanted, and never more than there are",
    ]);
  });

  it("notice a voice that is silent, lists without end, and times words that nobody wrote", async () => {
    const silent = {
      voices: () => ({ voices: [{ id: "ada", title: "Ada" }], next: "2" }),
      async *speak(request: any) {
        for await (const item of honestSpeech.speak(request)) if ((item as { type: string }).type !== "audio") yield item;
      },
    };
    expect(await failures(speechConformance, speechSubject(silent))).toEqual(
      expect.arrayContaining([
        "says what it will be, then the sound",
        "lists its voices, each once, those of the request among them, and comes to an end",
        "tells when which words are heard, within the lines and in order",
      ]),
    );
  });

  it("notice a writer that forgets what it heard, and one who hears for anybody", async () => {
    const forgetful = () => ({
      ...honestTranscription(),
      async *transcribe() {
        yield { type: "segment", segment: { text: "hm", start: 5, end: 6 } };
        yield { type: "segment", segment: { text: "good morning", start: 1, end: 2 } };
        yield { ...end, text: "hm" };
      },
      hear: () => ({}),
      async *listen() {
        yield { type: "ready", id: "x" };
        yield { ...end, text: "" };
      },
    });
    expect(await failures(transcriptionConformance, transcriptionSubject(forgetful))).toEqual(
      expect.arrayContaining([
        "writes down what is said, all of it at the end",
        "tells when each word is said",
        "writes down what is said while it is said, and the rest when that was the last",
        "hears nothing for a listen that there is not",
      ]),
    );
  });

  it.each([
    ["image", "image", imageGenerationConformance],
    ["video", "video", videoGenerationConformance],
    ["music", "audio", musicGenerationConformance],
  ] as const)("notice %s work that gives addresses, forgets its handles, and cannot be ended", async (kind, type, cases) => {
    const careless = () => ({
      ...honestStudio(type)(),
      async *generate({ prompt }: any) {
        yield { type: "part", part: { type, mimeType: `${type}/x`, url: "https://example.com/x" } };
        yield { type: "job", job: "job" };
        if (prompt === "slow") yield { type: "progress", state: "running" };
        yield { ...end, reason: "done" };
      },
      async *resume() {
        yield { ...end, reason: "done" };
      },
      cancel: () => ({ cancelled: true }),
    });
    expect(await failures(cases, studioSubject(kind, careless))).toEqual(
      expect.arrayContaining([
        "makes what was asked for, with its bytes",
        "hands over again what work made that has a handle",
        "lets work go on when its reader leaves, and ends it when it is told to",
        "takes a handle that it did not give as data",
        ...(kind === "video" ? ["gives a handle before it makes anything"] : []),
      ]),
    );
  });

  it("notice a look that says one thing in pieces and another at the end", async () => {
    const careless = {
      async *understand() {
        yield { type: "text", delta: "a cow" };
        yield { ...end, text: "a barn", reason: "stop" };
        yield { ...end, text: "a barn", reason: "stop" };
      },
    };
    expect(await failures(mediaUnderstandingConformance, lookSubject(careless))).toEqual(
      expect.arrayContaining(["says what there is, all of it at the end", "answers in the form that is asked for"]),
    );
  });
});
