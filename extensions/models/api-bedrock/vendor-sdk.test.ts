import {
  BedrockRuntimeClient,
  type ContentBlock,
  ConverseStreamCommand,
  type ConverseStreamCommandInput,
  type TokenUsage,
} from "@aws-sdk/client-bedrock-runtime";
import type { Part } from "@plinth/sdk";
import { answerContent, bedrockEvent, type ScriptedAnswer } from "@plinth/sdk/testing";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { expect, it } from "vitest";
import { MODEL, request, type Subject, subject } from "./bedrock.testing.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const tools = [{ name: "dice", description: "Rolls.", input: { type: "object" } }];
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
  ["what was thought in secret", { say: [{ reasoning: "", opaque: { reasoningContent: { redactedContent: "U0VDUkVU" } } }, { text: "so" }] }],
  ["an end at a limit", { say: [{ text: "so" }], end: "length" }],
  ["an end by a guardrail", { say: [{ text: "so" }], end: "filter" }],
];
const REASONS: Record<string, string> = { end_turn: "stop", tool_use: "tool-calls", max_tokens: "length", guardrail_intervened: "filter" };

/** The vendor's client. It signs, and the server checks that. */
const clientOf = ({ server }: Subject) =>
  new BedrockRuntimeClient({
    endpoint: server.url,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
const input: ConverseStreamCommandInput = {
  modelId: MODEL,
  messages: [{ role: "user", content: [{ text: "hello" }] }],
  toolConfig: { tools: [{ toolSpec: { name: "dice", description: "Rolls.", inputSchema: { json: { type: "object" } } } }] },
};

// The vendor's own client and ours are told the same by the same server.
it.each(answers)("the vendor's own client reads the same: %s", async (_, answer) => {
  await using one = await subject({ secretAccessKey: SECRET });
  one.server.script({ ...answer, usage: { inputTokens: 90, outputTokens: 20, cacheReadTokens: 40, cacheWriteTokens: 10 } });
  const theirs = await theirAnswer(one);
  const events = await one.ask(request({ tools }));
  expect(answerContent(events).map(blockOf)).toEqual(theirs.blocks);
  expect(events.at(-1)).toEqual({ type: "end", reason: REASONS[theirs.stopReason ?? ""] });
  const { inputTokens = 0, outputTokens, cacheReadInputTokens = 0, cacheWriteInputTokens = 0 } = theirs.usage!;
  expect(events.at(-2)).toEqual({
    type: "usage",
    usage: {
      inputTokens: inputTokens + cacheReadInputTokens + cacheWriteInputTokens,
      outputTokens,
      cacheReadTokens: cacheReadInputTokens,
      cacheWriteTokens: cacheWriteInputTokens,
    },
  });
  // And both asked for the same.
  const [asked, ours] = one.server.requests;
  expect([ours!.path, ours!.body.toolConfig, ours!.body.messages]).toEqual([asked!.path, asked!.body.toolConfig, asked!.body.messages]);
});

it("the vendor's own client fails where ours does", async () => {
  await using one = await subject({ secretAccessKey: SECRET });
  one.server.script({ say: [{ text: "so" }, { raw: bedrockEvent("throttlingException", { message: "Too many requests" }, "exception") }] });
  await expect(theirAnswer(one)).rejects.toMatchObject({ name: "ThrottlingException" });
  await expect(one.ask()).rejects.toMatchObject({ code: "PLINTH_MODEL_RATE" });
  one.server.script({ refuse: { status: 400, body: { message: "No." }, headers: { "x-amzn-errortype": "ValidationException" } } });
  await expect(theirAnswer(one)).rejects.toMatchObject({ name: "ValidationException" });
  await expect(one.ask()).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
});

async function theirAnswer(one: Subject): Promise<{ blocks: unknown[]; stopReason?: string; usage?: TokenUsage }> {
  const { stream } = await clientOf(one).send(new ConverseStreamCommand(input));
  const blocks: any[] = [];
  let [stopReason, usage]: [string | undefined, TokenUsage | undefined] = [undefined, undefined];
  for await (const { contentBlockStart, contentBlockDelta, messageStop, metadata } of stream!) {
    if (contentBlockStart?.start?.toolUse) blocks[contentBlockStart.contentBlockIndex!] = { name: contentBlockStart.start.toolUse.name, json: "" };
    if (contentBlockDelta !== undefined) {
      const { delta, contentBlockIndex } = contentBlockDelta;
      const block = (blocks[contentBlockIndex!] ??= {});
      if (delta?.text !== undefined) block.text = (block.text ?? "") + delta.text;
      if (delta?.toolUse !== undefined) block.json += delta.toolUse.input;
      const { text, signature, redactedContent } = delta?.reasoningContent ?? {};
      if (text !== undefined) block.thought = (block.thought ?? "") + text;
      if (signature !== undefined) block.signature = signature;
      if (redactedContent !== undefined) block.secret = Buffer.from(redactedContent).toString("base64");
    }
    stopReason = messageStop?.stopReason ?? stopReason;
    usage = metadata?.usage ?? usage;
  }
  const whole = blocks.map(({ json, ...block }) => (json === undefined ? block : { ...block, args: JSON.parse(json) }));
  return { blocks: whole, ...(stopReason === undefined ? {} : { stopReason }), ...(usage === undefined ? {} : { usage }) };
}

/** A part in the words of `theirAnswer`. */
function blockOf(part: Part): object {
  const { reasoningContent } = ((part.opaque?.data as { block?: ContentBlock } | undefined)?.block ?? {}) as Record<string, any>;
  if (reasoningContent?.redactedContent) return { secret: reasoningContent.redactedContent };
  if (reasoningContent) return { thought: reasoningContent.reasoningText.text, signature: reasoningContent.reasoningText.signature };
  if (part.type === "text") return { text: part.text };
  if (part.type === "tool-call") return { name: part.name, args: part.args };
  throw new Error(`A ${part.type} is no block.`);
}
