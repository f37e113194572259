import type { ModelMessage, ModelRequest } from "@plinth/sdk";
import { type Answer, ask } from "./ask.ts";
import type { Asker } from "./asker.ts";
import { RED } from "./red-picture.ts";

/** ok: right. look: it works, with something to know. no: it says that it cannot. wrong: not as its protocol has it. */
export type Status = "ok" | "look" | "no" | "wrong";

export interface Found {
  readonly status: Status;
  /** One line. */
  readonly detail: string;
}

export interface Probe {
  readonly name: string;
  run(asked: Asked): Promise<Found>;
}

/** What probes share: the model, and answers that more than one of them looks at. */
export class Asked {
  readonly asker: Asker;
  readonly model: string;
  readonly signal: AbortSignal;
  readonly #counted: () => Promise<Answer>;

  constructor(asker: Asker, model: string, signal: AbortSignal) {
    this.asker = asker;
    this.model = model;
    this.signal = signal;
    let answer: Promise<Answer> | undefined;
    this.#counted = () =>
      (answer ??= this.of("Count from one to twelve in English words, separated by commas. Say nothing else.", { maxOutputTokens: 2_048 }));
  }

  /** A plain answer of some length. */
  counted(): Promise<Answer> {
    return this.#counted();
  }

  of(prompt: string | ModelMessage[], more: Partial<ModelRequest> = {}): Promise<Answer> {
    const messages: ModelMessage[] = typeof prompt === "string" ? [user(prompt)] : prompt;
    return ask(this.asker, { model: this.model, messages, ...more }, this.signal);
  }
}

const user = (text: string): ModelMessage => ({ role: "user", content: [{ type: "text", text }] });
const ok = (detail: string): Found => ({ status: "ok", detail });
const look = (detail: string): Found => ({ status: "look", detail });
const wrong = (detail: string): Found => ({ status: "wrong", detail });

/** Such as a model without eyes: it says so, and that is right. */
function failed({ error }: Answer): Found | undefined {
  if (error === undefined) return undefined;
  const said = `${error.code}: ${error.message}`.slice(0, 300);
  return /_(UNSUPPORTED|REQUEST)$/.test(error.code) ? { status: "no", detail: said } : wrong(said);
}

const WEATHER = {
  name: "get_weather",
  description: "The weather of one city now.",
  input: { type: "object", properties: { city: { type: "string", description: "Such as Bern." } }, required: ["city"], additionalProperties: false },
};
const ONE = "What is the weather in Bern now? Call the tool, and say nothing yourself.";
const TWO = "What is the weather in Bern, and in Oslo? Call the tool once for each city, both at once.";

const isWeather = ({ name, args }: Answer["calls"][number]): boolean => name === WEATHER.name && typeof args.city === "string" && args.city !== "";

export const PROBES: readonly Probe[] = [
  {
    name: "streams",
    async run(asked) {
      const answer = await asked.counted();
      if (answer.error !== undefined || answer.text === "") return failed(answer) ?? wrong("No word came.");
      return answer.pieces > 1 ? ok(`${answer.pieces} pieces.`) : look("The answer came in one piece.");
    },
  },
  {
    name: "usage",
    async run(asked) {
      const { usage } = await asked.counted();
      if (usage === undefined) return look("It does not say what an answer took.");
      const { inputTokens, outputTokens } = usage;
      return inputTokens > 0 && outputTokens > 0
        ? ok(`${inputTokens} tokens in, ${outputTokens} out.`)
        : wrong(`${inputTokens} tokens in, ${outputTokens} out.`);
    },
  },
  {
    name: "ends",
    async run(asked) {
      const { end } = await asked.counted();
      return end === "stop" ? ok("stop.") : wrong(`A whole answer ends with ${end ?? "nothing"}.`);
    },
  },
  {
    name: "ends at a limit",
    async run(asked) {
      const answer = await asked.of("Write a story of a thousand words.", { maxOutputTokens: 16 });
      if (answer.end === "length") return ok("length.");
      const why = `An answer that was to be cut after 16 tokens ends with ${answer.end ?? "nothing"}.`;
      return failed(answer) ?? (answer.end === "stop" && answer.text.length < 60 ? look(why) : wrong(why));
    },
  },
  {
    name: "whole characters",
    async run(asked) {
      const answer = await asked.of("Repeat exactly, and nothing else: Grüße 🎲 日本", { maxOutputTokens: 2_048 });
      if (answer.text.includes("\ufffd")) return wrong("Characters came in halves.");
      return (
        failed(answer) ??
        (answer.text.includes("🎲") ? ok(answer.text.trim().slice(0, 40)) : look(`It said ${JSON.stringify(answer.text.slice(0, 60))}.`))
      );
    },
  },
  { name: "tool call", run: async (asked) => called(await asked.of(ONE, { tools: [WEATHER], maxOutputTokens: 2_048 })) },
  {
    name: "tool that must be called",
    async run(asked) {
      const answer = await asked.of("Hello!", { tools: [WEATHER], toolChoice: "required", maxOutputTokens: 2_048 });
      return failed(answer) ?? (answer.calls.length > 0 ? ok("It calls.") : look("It calls none though one has to be called."));
    },
  },
  {
    name: "tool result",
    async run(asked) {
      const answer = await asked.of(ONE, { tools: [WEATHER], maxOutputTokens: 2_048 });
      const [call] = answer.calls;
      if (call === undefined) return failed(answer) ?? look("It called no tool.");
      const result: ModelMessage = {
        role: "tool",
        content: [{ type: "tool-result", callId: call.id, name: call.name, content: [{ type: "text", text: "17 degrees, rain" }] }],
      };
      const history = [
        user(ONE),
        { role: "assistant" as const, content: answer.content.filter((part) => part.type !== "tool-call" || part === call) },
        result,
      ];
      const next = await asked.of(history, { tools: [WEATHER], maxOutputTokens: 2_048 });
      return failed(next) ?? (/17|seventeen/i.test(next.text) ? ok("It reads it.") : look(`It said ${JSON.stringify(next.text.slice(0, 60))}.`));
    },
  },
  {
    name: "calls side by side",
    async run(asked) {
      const answer = await asked.of(TWO, { tools: [WEATHER], maxOutputTokens: 2_048 });
      const bad = called(answer);
      if (bad.status === "wrong" || bad.status === "no") return bad;
      return answer.calls.length > 1 ? ok(`${answer.calls.length} calls, each with an id of its own.`) : look("One call at a time.");
    },
  },
  {
    name: "JSON",
    async run(asked) {
      const answer = await asked.of('Give a JSON object with the field "city": the capital of Norway.', { output: "json", maxOutputTokens: 2_048 });
      return failed(answer) ?? (isObject(answer.text) ? ok("An object.") : wrong(`It said ${JSON.stringify(answer.text.slice(0, 60))}.`));
    },
  },
  {
    name: "JSON by a schema",
    async run(asked) {
      const schema = {
        type: "object",
        properties: { city: { type: "string" }, people: { type: "integer" } },
        required: ["city", "people"],
        additionalProperties: false,
      };
      const answer = await asked.of("The capital of Norway, and how many people live there.", {
        output: { schema, name: "capital", strict: true },
        maxOutputTokens: 2_048,
      });
      const value = isObject(answer.text);
      if (value === undefined) return failed(answer) ?? wrong(`It said ${JSON.stringify(answer.text.slice(0, 60))}.`);
      const fits = typeof value.city === "string" && Number.isInteger(value.people) && Object.keys(value).length === 2;
      return fits ? ok("It fits.") : wrong(`It does not fit: ${answer.text.slice(0, 80)}`);
    },
  },
  {
    name: "pictures",
    async run(asked) {
      const picture = { type: "image" as const, mimeType: "image/png", base64: RED };
      const answer = await asked.of([{ role: "user", content: [picture, { type: "text", text: "Which colour is this picture? One word." }] }], {
        maxOutputTokens: 2_048,
      });
      return (
        failed(answer) ??
        (/\bred\b/i.test(answer.text) ? ok("It sees red.") : look(`It said ${JSON.stringify(answer.text.slice(0, 60))} of a red picture.`))
      );
    },
  },
  {
    name: "errors",
    async run(asked) {
      const { error, text } = await ask(asked.asker, { model: "plinth-no-such-model", messages: [user("Hello!")] }, asked.signal);
      if (error === undefined) return look(`A model that is not there answers${text === "" ? "" : `: ${text.slice(0, 40)}`}.`);
      return /_(UNKNOWN|REQUEST|AUTH)$/.test(error.code)
        ? ok(error.code)
        : look(`A model that is not there is ${error.code}: ${error.message.slice(0, 120)}`);
    },
  },
];

function called(answer: Answer): Found {
  const { calls, end } = answer;
  if (calls.length === 0) return failed(answer) ?? look("It called no tool.");
  if (!calls.every(isWeather)) return wrong(`It called ${JSON.stringify(calls[0]).slice(0, 120)}.`);
  if (new Set(calls.map(({ id }) => id)).size < calls.length) return wrong("Two calls have one id.");
  return end === "tool-calls"
    ? ok(`get_weather(${JSON.stringify(calls[0]?.args.city)}).`)
    : wrong(`An answer with a call ends with ${end ?? "nothing"}.`);
}

function isObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.trim().replace(/^```(?:json)?\s*([\s\S]*?)\s*```$/, "$1"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
