import { defineExtension, type ModelEvent, type ModelInfo, type ModelMessage, type ModelRequest, textOf } from "@plinth/sdk";
import { failure, Unsupported } from "@plinth/sdk/kits/model-api";
import { introduction, toolAnswer } from "./answers.ts";
import { decide, type Tool } from "./decide.ts";

const MODEL = "offline";
const DELTA_CHARACTERS = 48;
const CHARACTERS_PER_TOKEN = 4;
const INFO: ModelInfo = { id: MODEL, title: "Offline rules", input: [], output: [], tools: "one", structured: "none", cache: "none" };

/** A model of rules: the same input gives the same answer, and nothing leaves this machine. */
export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-provider", "offline", {
      status: () => ({ ready: true, defaultModel: MODEL }),
      models: () => ({ models: [INFO] }),

      async *stream(request, { signal }) {
        const { model, system = [], messages } = request;
        if (model !== MODEL && model !== "auto") {
          throw failure("UNKNOWN", `The offline provider has no model "${model.slice(0, 64)}".`, {
            next: `Use ${MODEL}/${MODEL}, or connect a provider that has this model.`,
          });
        }
        const last = messages.at(-1);
        if (last === undefined) {
          throw failure("REQUEST", "There is no message to answer.", { next: "Send at least one message." });
        }
        const unsupported = new Unsupported("The offline model", request);
        const tools = offered(request, unsupported);
        yield* unsupported.warnings;
        const read = JSON.stringify(system).length + JSON.stringify(messages).length;
        const decision = last.role === "tool" ? { say: toolAnswer(messages) } : decide(lastUserText(messages), tools as Tool[]);
        if ("call" in decision) {
          const id = `offline-${messages.length}`;
          yield { type: "tool-call", call: { type: "tool-call", id, name: decision.call.name, args: decision.call.args } };
          yield usage(read, JSON.stringify(decision.call.args).length);
          yield { type: "end", reason: "tool-calls" };
          return;
        }
        const whole = "say" in decision ? decision.say : introduction(decision.greeting, tools as Tool[]);
        const text = whole.slice(0, (request.maxOutputTokens ?? Number.POSITIVE_INFINITY) * CHARACTERS_PER_TOKEN);
        for (const delta of deltas(text)) {
          signal.throwIfAborted();
          yield { type: "text", delta };
        }
        yield usage(read, text.length);
        yield { type: "end", reason: text.length < whole.length ? "length" : "stop" };
      },
    });
  },
});

function lastUserText(messages: readonly ModelMessage[]): string {
  return textOf(messages.findLast(({ role }) => role === "user")?.content ?? []);
}

/** The tools that it may call. Chance, which it knows none of, needs no seed; what it cannot do is said. */
function offered(request: ModelRequest, unsupported: Unsupported): readonly NonNullable<ModelRequest["tools"]>[number][] {
  const { tools = [], toolChoice = "auto", output = "text", thinking = "off", stop = [], serverTools = [], messages } = request;
  if (output !== "text") unsupported.leave("output", "an answer in JSON");
  if (thinking !== "off") unsupported.leave("thinking", "an order to think");
  if (stop.length > 0) unsupported.leave("stop", "words to stop at");
  if (serverTools.length > 0) unsupported.leave("serverTools", "tools of its own");
  if (toolChoice === "required") unsupported.leave("toolChoice", "an order to call a tool");
  const seen = messages.flatMap(({ role, content }) => (role === "user" ? content : []));
  if (seen.some(({ type }) => MEDIA.has(type))) unsupported.leave("messages", "anything but text");
  if (toolChoice === "none") return [];
  return typeof toolChoice === "object" ? tools.filter(({ name }) => name === toolChoice.name) : tools;
}

const MEDIA: ReadonlySet<string> = new Set(["image", "audio", "video", "file"]);

/** Rough counts, four characters to a token: there is no tokenizer here. */
function usage(read: number, written: number): ModelEvent {
  return { type: "usage", usage: { inputTokens: Math.ceil(read / CHARACTERS_PER_TOKEN), outputTokens: Math.ceil(written / CHARACTERS_PER_TOKEN) } };
}

/** Pieces that end between words, so that surfaces have something to stream. */
function* deltas(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const space = text.indexOf(" ", from + DELTA_CHARACTERS);
    const to = space < 0 ? text.length : space + 1;
    yield text.slice(from, to);
    from = to;
  }
}
