import { type Context, errorInfo, type Provider, type SpeechItem, type SpeechRequest, type Voice } from "@plinth/sdk";
import { failure, Unsupported, wellFormed } from "@plinth/sdk/kits/model-api";
import { toBase64 } from "@plinth/sdk/wire";
import { voiceFor, voicesIn } from "./voices.ts";
import { type Sound, soundIn, wavHead } from "./wav.ts";

const PROGRAM = "espeak-ng";
const MODEL = "espeak-ng";
/** Words a minute, as the program has it by itself, and between which it can be told. */
const WORDS = { usual: 175, least: 80, most: 450 };
/** Characters of one run: what it says has to fit into the bound of a program's output, 8 MiB, also where it speaks slowly. */
const MOST = 1_000;
/** Of a whole request. */
const ALL = 20_000;
const RUN_MS = 60_000;
const PIECE = 786_432;
const LEFT = ["instructions", "before", "after", "timings", "seed", "sampleRate", "bitRate"] as const;

/** The program's voices, and what it says: each line by a run of its own, which gets the text on its standard input. */
export function forLines(ctx: Context): Provider<"plinth.speech"> {
  let known: Promise<Voice[]> | undefined;
  const voices = (): Promise<Voice[]> => {
    known ??= ctx.exec(PROGRAM, ["--voices"], { timeoutMs: 5_000 }).then(({ stdout }) => voicesIn(stdout));
    known.catch(() => (known = undefined));
    return known;
  };
  return {
    async status() {
      try {
        return (await voices()).length > 0 ? { ready: true, defaultModel: MODEL } : { ready: false, reason: "espeak-ng has no voices." };
      } catch (thrown) {
        return { ready: false, reason: errorInfo(thrown).message.slice(0, 500) };
      }
    },
    models: () => ({ models: [{ id: MODEL, title: "eSpeak NG", formats: ["wav", "pcm"], takes: ["speed", "markup", "language"] }] }),
    voices: async ({ language }) => ({
      voices: (await listed(voices)).filter(
        ({ id }) => language === undefined || id.toLowerCase().split("-")[0] === language.toLowerCase().split("-")[0],
      ),
    }),
    async *speak(request, { signal }): AsyncGenerator<SpeechItem> {
      if (request.model !== undefined && request.model !== MODEL) throw failure("UNKNOWN", `eSpeak NG has no model "${request.model}".`);
      const unsupported = new Unsupported("eSpeak NG", request);
      const format = formatOf(request);
      for (const name of LEFT) if (request[name] !== undefined && request[name] !== false) unsupported.leave(name, `"${name}"`);
      const all = await listed(voices);
      const usual = usualVoice(request, all, unsupported);
      const runs = runsOf(request, all, usual);
      const rate = Math.min(WORDS.most, Math.max(WORDS.least, Math.round(WORDS.usual * (request.speed ?? 1))));
      const options = ["--stdin", "--stdout", "-b", "1", "-s", String(rate), ...(request.markup === "ssml" ? ["-m"] : [])];
      const kept: Sound[] = [];
      let length = 0;
      for (const { text, voice } of runs) {
        const sound = await run(ctx, [...options, "-v", voice], text, signal);
        if (kept.length > 0 && sound.rate !== kept[0]!.rate)
          throw failure("STREAM", "eSpeak NG spoke at two rates.", { details: { retryable: false } });
        if (format === "pcm" && kept.length === 0) {
          yield { type: "start", mimeType: "audio/pcm", format, sampleRate: sound.rate };
          yield* unsupported.warnings;
        }
        length += sound.samples.length;
        if (format === "pcm") yield* pieces(sound.samples);
        kept.push(format === "pcm" ? { ...sound, samples: new Uint8Array() } : sound);
      }
      const [first] = kept as [Sound, ...Sound[]];
      if (format === "wav") {
        yield { type: "start", mimeType: "audio/wav", format, sampleRate: first.rate };
        yield* unsupported.warnings;
        yield* pieces(wavHead(first, length));
        for (const { samples } of kept) yield* pieces(samples);
      }
      const seconds = length / 2 / first.channels / first.rate;
      yield { type: "usage", usage: { characters: runs.reduce((sum, { text }) => sum + text.length, 0), seconds } };
      yield { type: "end", seconds };
    },
  };
}

async function listed(voices: () => Promise<Voice[]>): Promise<Voice[]> {
  try {
    return await voices();
  } catch (cause) {
    const next = "Install it, such as with: apt install espeak-ng";
    throw failure("UNSUPPORTED", `espeak-ng cannot be run: ${errorInfo(cause).message}`.slice(0, 500), {
      cause,
      next,
      details: { retryable: false },
    });
  }
}

/** Another one would be no use to whoever asked for this. */
function formatOf({ format = "wav" }: SpeechRequest): "wav" | "pcm" {
  if (format === "wav" || format === "pcm") return format;
  throw failure("UNSUPPORTED", `eSpeak NG cannot make the format ${format}.`, {
    next: "Ask for wav or pcm, or another provider.",
    details: { param: "format", retryable: false },
  });
}

function usualVoice({ language }: SpeechRequest, all: readonly Voice[], unsupported: Unsupported): string {
  const spoken = language === undefined ? undefined : voiceFor(language, all);
  if (language !== undefined && spoken === undefined) unsupported.leave("language", `the language ${language}`);
  return spoken ?? voiceFor("en", all) ?? all[0]!.id;
}

/** SSML stays whole: it cannot be cut anywhere. */
function runsOf({ lines, markup }: SpeechRequest, all: readonly Voice[], usual: string): { text: string; voice: string }[] {
  const runs = lines.flatMap(({ text, voice = usual }) => {
    if (!all.some(({ id }) => id === voice))
      throw failure("REQUEST", `eSpeak NG has no voice "${voice.slice(0, 64)}".`, { details: { param: "lines" } });
    return (markup === "ssml" ? [wellFormed(text)] : cut(wellFormed(text))).map((piece) => ({ text: piece, voice }));
  });
  const length = runs.reduce((sum, { text }) => sum + text.length, 0);
  if (length > ALL) throw failure("CONTEXT", `eSpeak NG says at most ${ALL} characters at once; these are ${length}.`);
  return runs;
}

function cut(text: string): string[] {
  const pieces: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const head = rest.slice(0, MOST);
    const end =
      rest.length <= MOST ? rest.length : Math.max(head.lastIndexOf(". ") + 1, head.lastIndexOf("\n") + 1) || head.lastIndexOf(" ") + 1 || MOST;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return pieces;
}

async function run(ctx: Context, args: readonly string[], text: string, signal: AbortSignal): Promise<Sound> {
  const out: Uint8Array[] = [];
  let said = "";
  const { code } = await ctx.exec(PROGRAM, args, {
    input: text,
    signal,
    timeoutMs: RUN_MS,
    onOutput(chunk, stream) {
      if (stream === "stdout") out.push(chunk);
      else said = `${said}${new TextDecoder().decode(chunk)}`.slice(0, 500);
    },
  });
  const bytes = new Uint8Array(out.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of out) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  const sound = code === 0 ? soundIn(bytes) : undefined;
  if (sound === undefined || sound.samples.length === 0)
    throw failure("SERVER", `espeak-ng made no sound${said === "" ? "" : `: ${said.trim()}`}.`, { details: { retryable: false } });
  return sound;
}

function* pieces(bytes: Uint8Array): Generator<SpeechItem> {
  for (let at = 0; at < bytes.length; at += PIECE) yield { type: "audio", base64: toBase64(bytes.subarray(at, at + PIECE)) };
}
