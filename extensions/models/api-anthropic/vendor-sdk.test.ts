import Anthropic from "@anthropic-ai/sdk";
import type { Part } from "@plinth/sdk";
import type { ScriptedAnswer } from "@plinth/sdk/testing";
import { answerContent } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import { request, subject } from "./anthropic.testing.ts";

const search = { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "dice" } };
const answers: [string, ScriptedAnswer][] = [
  ["text", { say: [{ text: "Grüße, " }, { text: "🎲!" }] }],
  [
    "thinking and calls",
    {
      say: [
        { reasoning: "hm", opaque: "sig" },
        { call: { name: "dice", args: { sides: [6, 20], why: { a: "ü" } } } },
        { call: { name: "dice", args: {} } },
      ],
    },
  ],
  ["what was thought in secret", { say: [{ reasoning: "", opaque: { type: "redacted_thinking", data: "X" } }, { text: "so" }] }],
  ["a tool of the server's own", { say: [{ text: "I look. " }, { reasoning: "", opaque: search }, { text: "Found." }], end: "pause" }],
  ["an end at a limit", { say: [{ text: "so" }], end: "length" }],
  ["a refusal", { say: [{ text: "" }, { refusal: "It could do harm." }], end: "refusal" }],
];
const REASONS: Record<string, string> = { end_turn: "stop", tool_use: "tool-calls", max_tokens: "length", refusal: "refusal", pause_turn: "pause" };

// The vendor's own client and ours are told the same by the same server.
it.each(answers)("the vendor's own client reads the same: %s", async (_, answer) => {
  await using one = await subject();
  one.server.script({ ...answer, usage: { inputTokens: 90, outputTokens: 20, cacheReadTokens: 40, cacheWriteTokens: 10, reasoningTokens: 3 } });
  const client = new Anthropic({ apiKey: "k", baseURL: one.server.url, maxRetries: 0 });
  const theirs = await client.messages
    .stream({ model: "claude-test", max_tokens: 100, messages: [{ role: "user", content: "hello" }] })
    .finalMessage();
  const events = await one.ask(request({ maxOutputTokens: 100, tools: [{ name: "dice", description: "", input: { type: "object" } }] }));
  expect(
    merged(
      answerContent(events)
        .filter(({ type }) => type !== "refusal")
        .map(blockOf),
    ),
  ).toEqual(merged(theirs.content.map((block) => plain(block as unknown as Block))));
  expect(events.at(-1)).toEqual({ type: "end", reason: REASONS[theirs.stop_reason ?? ""] });
  const { input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens } = theirs.usage;
  expect(events.find(({ type }) => type === "usage")).toMatchObject({
    usage: {
      inputTokens: input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0),
      outputTokens: output_tokens,
      cacheReadTokens: cache_read_input_tokens,
      cacheWriteTokens: cache_creation_input_tokens,
    },
  });
});

it("the vendor's own client lists the same models, over pages", async () => {
  await using one = await subject({ models: ["a", "b", "c"], page: 2 });
  const theirs: [string, string][] = [];
  for await (const { id, display_name } of new Anthropic({ apiKey: "k", baseURL: one.server.url }).models.list()) theirs.push([id, display_name]);
  const { models } = await one.api.models({ endpoint: one.endpoint });
  expect(models.map(({ id, title }) => [id, title])).toEqual(theirs);
});

type Block = { type: string; [field: string]: unknown };

/** A part as the block that it came as. Ids are each answer's own. */
function blockOf(part: Part): Block {
  const { block } = (part.opaque?.data ?? {}) as { block?: Block };
  if (block !== undefined) return block;
  if (part.type === "text") return { type: "text", text: part.text };
  if (part.type === "tool-call") return { type: "tool_use", name: part.name, input: part.args };
  throw new Error(`A ${part.type} is no block.`);
}

const plain = ({ type, ...block }: Block): Block => {
  if (type === "text") return { type, text: block.text };
  return type === "tool_use" ? { type, name: block.name, input: block.input } : { type, ...block };
};

/** Empty text says nothing. */
const merged = (blocks: Block[]): Block[] => blocks.filter(({ type, text }) => type !== "text" || text !== "");
