import type { Context, FetchResponse, Provider, SpeechModel, Voice } from "@plinth/sdk";
import {
  Exchange,
  endpointOf,
  failure,
  fieldsFor,
  listing,
  type PartToSay,
  PurposeCall,
  partsToSay,
  type SoundFormat,
  soundFormat,
  speaking,
  usualVoice,
} from "@plinth/sdk/kits/model-api";
import { heard } from "./heard.ts";
import { outputFormat } from "./output-format.ts";

/** What is not said: whether it is left out is asked of each. */
const OPTIONAL = ["markup", "language", "instructions", "speed", "before", "after", "timings", "seed", "sampleRate", "bitRate"];
const FIELDS = { language: "language_code", speed: "speed", before: "previous_text", after: "next_text", seed: "seed" };
/** Not sent as fields: `timings` is another address, rates are a part of the format's name. */
const APART = { timings: "timings", sampleRate: "sampleRate", bitRate: "bitRate" };
const FORMATS: readonly SoundFormat[] = ["mp3", "opus", "pcm", "mulaw", "alaw"];
const CHARACTERS = 5_000;
const MOST_BYTES = 256 * 1_048_576;
const VOICES_AT_ONCE = 100;

/** `POST /v1/text-to-speech/{voice}/stream`, as https://elevenlabs.io/docs/api-reference/text-to-speech/stream has it. */
export function speech(ctx: Context): Provider<"plinth.speech"> {
  return {
    status: listing.status,
    models: (input) => listing.models<SpeechModel>(input),
    async voices({ cursor, language, ...input }, { signal }) {
      const { title, baseUrl, headers } = endpointOf(input);
      const query = new URLSearchParams({ page_size: String(VOICES_AT_ONCE), ...(cursor === undefined ? {} : { next_page_token: cursor }) });
      const answer: any = await new Exchange({ fetch: (url, options) => ctx.fetch(url, options), title, signal }).json(
        `${baseUrl}/v2/voices?${query}`,
        headers,
      );
      if (!Array.isArray(answer?.voices)) throw failure("STREAM", `${title} answered without voices.`, { details: { retryable: false } });
      const voices = (answer.voices as any[]).slice(0, 1_000).flatMap(voiceOf);
      const next = answer.has_more === true && typeof answer.next_page_token === "string" ? answer.next_page_token : undefined;
      return {
        voices: voices.filter(({ languages }) => language === undefined || (languages?.includes(language.split("-")[0]!) ?? true)),
        ...(next === undefined || next === cursor || next.length > 512 ? {} : { next }),
      };
    },
    async *speak(request, { signal }) {
      const { server, unsupported, exchange } = new PurposeCall<SpeechModel>(ctx, request, signal);
      const { title, model, known } = server;
      const format = soundFormat(server, request, FORMATS);
      const told = { ...request, ...(request.language === undefined ? {} : { language: request.language.split("-")[0]!.toLowerCase() }) };
      const { timings, sampleRate, bitRate, speed, voice_settings, previous_text, next_text, ...fields } = fieldsFor(server, told, unsupported, {
        names: OPTIONAL,
        fields: { ...FIELDS, ...APART },
      }) as Wishes;
      const output = outputFormat(format, { sampleRate, bitRate }, unsupported);
      const parts = partsToSay(request.lines, known?.maxCharacters ?? CHARACTERS, usualVoice(server, request));
      const settings = { ...(speed === undefined ? {} : { speed }), ...voice_settings };
      const joins = known?.takes?.includes("before") === true;
      const headers = { "content-type": "application/json", ...server.endpoint.headers };
      const timed = timings === true ? heard(exchange, title, request.lines) : undefined;
      yield* speaking({
        ...{ exchange, title, format, parts, unsupported, sampleRate: output.hertz },
        ask(part, at, said) {
          const before = at === 0 ? previous_text : beside(joins, part, said[at - 1]);
          const after = at === said.length - 1 ? next_text : beside(joins, part, said[at + 1]);
          const body = {
            ...{ text: part.text, model_id: model },
            ...fields,
            ...(Object.keys(settings).length === 0 ? {} : { voice_settings: settings }),
            ...(before === undefined ? {} : { previous_text: before }),
            ...(after === undefined ? {} : { next_text: after }),
          };
          const path = `/v1/text-to-speech/${encodeURIComponent(part.voice)}/stream${timed === undefined ? "" : "/with-timestamps"}`;
          const url = server.url(`${path}?output_format=${output.name}`);
          return exchange.ask(url, { method: "POST", headers, body: JSON.stringify(body), maxBytes: MOST_BYTES });
        },
        ...(timed === undefined ? {} : { read: timed }),
        took: costOf,
      });
    },
  };
}

interface Wishes {
  timings?: boolean;
  sampleRate?: number;
  bitRate?: number;
  speed?: number;
  voice_settings?: object;
  previous_text?: string;
  next_text?: string;
}

/** What the same voice says next to it: a model that minds that sounds as if it went on. */
const beside = (minds: boolean, { voice }: PartToSay, other: PartToSay | undefined): string | undefined =>
  minds && other?.voice === voice ? other.text : undefined;

/** In credits of the account. */
export function costOf({ headers }: FetchResponse): { credits?: number } {
  const said = headers["character-cost"] ?? "";
  return /^\d{1,9}(\.\d+)?$/.test(said) ? { credits: Number(said) } : {};
}

function voiceOf(row: any): Voice[] {
  const { voice_id: id, name, description, labels, preview_url: sampleUrl, verified_languages: verified } = row ?? {};
  if (typeof id !== "string" || id === "" || id.length > 256) return [];
  const spoken = Array.isArray(verified) ? verified.slice(0, 500).map((one: any) => one?.language) : [];
  const languages = [...new Set(spoken.filter((one): one is string => typeof one === "string" && /^[a-z]{2,3}(-\w+)*$/i.test(one)))];
  const said = Object.entries((labels ?? {}) as Record<string, unknown>).filter(
    (pair): pair is [string, string] => pair[0].length <= 64 && typeof pair[1] === "string",
  );
  return [
    {
      ...{ id, title: (typeof name === "string" && name !== "" ? name : id).slice(0, 200) },
      ...(typeof description === "string" && description !== "" ? { description: description.slice(0, 2_000) } : {}),
      ...(languages.length === 0 ? {} : { languages }),
      ...(said.length === 0 ? {} : { labels: Object.fromEntries(said.slice(0, 32).map(([key, value]) => [key, value.slice(0, 200)])) }),
      ...(typeof sampleUrl === "string" && sampleUrl.length <= 2_048 ? { sampleUrl } : {}),
    },
  ];
}
