import { type ModelMessage, partLabel, type ToolResultPart, toolResultsOf } from "@plinth/sdk";
import type { Tool } from "./decide.ts";

const MAX_QUOTE = 8_000;
const MAX_EXAMPLES = 8;

/** What the offline model is and how to have a better one. Plain on purpose: it must not look like intelligence. */
export function introduction(greeting: boolean, tools: readonly Tool[]): string {
  const examples = tools.flatMap(({ say = [] }) => say.slice(0, 1)).slice(0, MAX_EXAMPLES);
  const direct = tools.map(({ name }) => name).sort();
  return [
    `${greeting ? "Hello. " : ""}I am Plinth's offline model: a small set of rules, not a language model. I answer because no real model is connected.`,
    tools.length === 0
      ? "I was given no tools, so this is all that I can say."
      : [
          "I can call tools when you ask in simple words:",
          ...examples.map((sentence) => `- ${sentence}`),
          `- use TOOL name=value, with one of: ${direct.slice(0, 40).join(", ")}`,
        ].join("\n"),
    [
      "To connect a real model, do one of these:",
      "- `plinth init` in a shell asks what it needs, and tries it.",
      "- Set a key and start again: `OPENAI_API_KEY` (with `OPENAI_BASE_URL` for any compatible server), `ANTHROPIC_API_KEY`, `OPENROUTER_API_KEY`, `GROQ_API_KEY`, `MISTRAL_API_KEY`, `DEEPSEEK_API_KEY`, `XAI_API_KEY` or `GEMINI_API_KEY`.",
      "- Start Ollama with a model (`ollama pull MODEL`); it is found by itself. A llama.cpp server on port 8080 is, too.",
      "- Name any other server: `plinth config set 'extensions[\"plinth.openai-compatible\"].config.vendors.custom.baseUrl' http://127.0.0.1:8000/v1`",
    ].join("\n"),
  ].join("\n\n");
}

/** The results of the last round of tool calls, quoted. */
export function toolAnswer(messages: readonly ModelMessage[]): string {
  const from = messages.findLastIndex(({ role }) => role !== "tool") + 1;
  return messages
    .slice(from)
    .flatMap(({ content }) => toolResultsOf(content).map(quote))
    .join("\n\n");
}

function quote({ name, content, isError }: ToolResultPart): string {
  const text = content
    .flatMap((part) => (part.type === "text" ? [part.text] : part.type === "opaque" ? [] : [partLabel(part)]))
    .join("\n")
    .trim();
  const verb = isError ? "failed" : "answered";
  if (text === "") return `The tool ${name} ${verb} without a word.`;
  const cut = text.length > MAX_QUOTE;
  const shown = cut ? `${text.slice(0, MAX_QUOTE)}…` : text;
  if (!shown.includes("\n") && shown.length <= 200) return `The tool ${name} ${verb}: ${shown}`;
  const fence = "`".repeat(Math.max(3, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `The tool ${name} ${verb}:\n\n${fence}\n${shown}\n${fence}${cut ? "\n\n(The rest is left out.)" : ""}`;
}
