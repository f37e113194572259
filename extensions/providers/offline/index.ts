import { defineExtension, type ModelEvent, type ModelMessage, PlinthError, textOf } from "@plinth/sdk";
import { introduction, toolAnswer } from "./answers.ts";
import { decide, type Tool } from "./decide.ts";

const MODEL = "offline";
const DELTA_CHARACTERS = 48;

/** A model of rules: the same input gives the same answer, and nothing leaves this machine. */
export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.model-provider", "offline", {
      status: () => ({ ready: true, defaultModel: MODEL }),
      models: () => ({ models: [{ id: MODEL }] }),

      async *stream({ model, system = "", messages, tools = [] }, { signal }) {
        if (model !== MODEL && model !== "auto") {
          throw new PlinthError("PLINTH_MODEL_REQUEST", `The offline provider has no model "${model.slice(0, 64)}".`, {
            next: `Use ${MODEL}/${MODEL}, or connect a provider that has this model.`,
          });
        }
        const last = messages.at(-1);
        if (last === undefined) {
          throw new PlinthError("PLINTH_MODEL_REQUEST", "There is no message to answer.", { next: "Send at least one message." });
        }
        const read = system.length + JSON.stringify(messages).length;
        const decision = last.role === "tool" ? { say: toolAnswer(messages) } : decide(lastUserText(messages), tools as Tool[]);
        if ("call" in decision) {
          const id = `offline-${messages.length}`;
          yield { type: "tool-call", call: { type: "tool-call", id, name: decision.call.name, args: decision.call.args } };
          yield usage(read, JSON.stringify(decision.call.args).length);
          yield { type: "end", reason: "tool-calls" };
          return;
        }
        const text = "say" in decision ? decision.say : introduction(decision.greeting, tools as Tool[]);
        for (const delta of deltas(text)) {
          signal.throwIfAborted();
          yield { type: "text", delta };
        }
        yield usage(read, text.length);
        yield { type: "end", reason: "stop" };
      },
    });
  },
});

function lastUserText(messages: readonly ModelMessage[]): string {
  return textOf(messages.findLast(({ role }) => role === "user")?.content ?? []);
}

/** Rough counts, four characters to a token: there is no tokenizer here. */
function usage(read: number, written: number): ModelEvent {
  return { type: "usage", usage: { inputTokens: Math.ceil(read / 4), outputTokens: Math.ceil(written / 4) } };
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
