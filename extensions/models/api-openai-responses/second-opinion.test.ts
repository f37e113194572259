import type { ModelEvent } from "@plinth/sdk";
import { type ModelServer, modelServer, openaiResponsesServer, openaiResponsesWire, type ScriptedAnswer } from "@plinth/sdk/testing";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, collect, dice, type Opened, opened } from "./api.testing.ts";

let [server, ours]: [ModelServer, Opened] = [] as never;
beforeAll(async () => {
  server = await openaiResponsesServer();
  ours = await opened(`${server.url}/v1`);
});
afterAll(() => ours.host.close().then(server.close));

/** One answer in words that both clients' readings can be put in. */
interface Reading {
  text: string;
  thought: string;
  encrypted: string[];
  refusal: string;
  calls: { id: string; name: string; args: unknown }[];
  usage: number[] | undefined;
  end: string;
}

function read(items: readonly ModelEvent[]): Reading {
  const all = <T>(pick: (item: ModelEvent) => T | undefined): T[] => items.flatMap((item) => pick(item) ?? []) as T[];
  const usage = all((item) => (item.type === "usage" ? item.usage : undefined))[0];
  return {
    text: all((item) => (item.type === "text" ? item.delta : undefined)).join(""),
    thought: all((item) => (item.type === "reasoning" ? item.delta : undefined)).join(""),
    encrypted: all((item) => (item.type === "reasoning" ? (item.part?.opaque?.data as any)?.item.encrypted_content : undefined)),
    refusal: all((item) => (item.type === "part" && item.part.type === "refusal" ? (item.part.text as string) : undefined)).join(""),
    calls: all((item) => (item.type === "tool-call" ? { id: item.call.id, name: item.call.name, args: item.call.args } : undefined)),
    usage: usage && [usage.inputTokens, usage.outputTokens, usage.cacheReadTokens!, usage.reasoningTokens!],
    end: all((item) => (item.type === "end" ? item.reason : undefined))[0]!,
  };
}

/** The same, as the vendor's own client gives it. */
function readByVendor(response: OpenAI.Responses.Response): Reading {
  const of = <T extends string>(type: T) =>
    response.output.filter((item): item is Extract<OpenAI.Responses.ResponseOutputItem, { type: T }> => item.type === type);
  const content = of("message").flatMap((item) => item.content);
  const calls = of("function_call").map(({ call_id, name, arguments: text }) => ({
    id: call_id,
    name: name.replace("_", "."),
    args: JSON.parse(text),
  }));
  const refusal = content.flatMap((part) => (part.type === "refusal" ? [part.refusal] : [])).join("");
  const ends: Record<string, string> = { max_output_tokens: "length", content_filter: "filter" };
  return {
    text: response.output_text,
    thought: of("reasoning")
      .flatMap(({ summary }) => summary.map(({ text }) => text))
      .join(""),
    encrypted: of("reasoning").flatMap(({ encrypted_content }) => encrypted_content ?? []),
    refusal,
    calls,
    usage: response.usage && [
      response.usage.input_tokens,
      response.usage.output_tokens,
      response.usage.input_tokens_details.cached_tokens,
      response.usage.output_tokens_details.reasoning_tokens,
    ],
    end: ends[response.incomplete_details?.reason ?? ""] ?? (calls.length > 0 ? "tool-calls" : refusal === "" ? "stop" : "refusal"),
  };
}

const cases: [string, ScriptedAnswer][] = [
  ["a text", { say: [{ text: "It is " }, { text: "wärm 🌡️." }], usage: { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3, reasoningTokens: 0 } }],
  [
    "thinking and two calls",
    {
      say: [
        { reasoning: "Two dice.", opaque: "gAAA" },
        { text: "I roll." },
        { call: { name: "game_dice", args: { sides: 6 } } },
        { call: { id: "call_own", name: "game_dice", args: {} } },
      ],
      usage: { inputTokens: 1, outputTokens: 9, cacheReadTokens: 0, reasoningTokens: 4 },
    },
  ],
  ["thinking without words", { say: [{ reasoning: "", opaque: "gAAB" }, { text: "Yes." }] }],
  ["a refusal", { say: [{ refusal: "I will not." }] }],
  ["a limit", { say: [{ text: "Once upon" }], end: "length" }],
  ["a filter", { say: [{ text: "Once" }], end: "filter" }],
  ["nothing", { say: [] }],
];

describe("an answer is read as the vendor's own client reads it", () => {
  it.each(cases)("%s", async (_, answer) => {
    server.script(answer);
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "k", maxRetries: 0 });
    const vendor = openai.responses.stream({ model: "model-1", input: "hi", include: ["reasoning.encrypted_content"] });
    const items = await collect(ours.api.stream({ endpoint: ours.endpoint, request: ask("hi", { tools: [dice] }) }));
    // Ids are made by the number of the request: both ask anew.
    const ids = (reading: Reading) => ({ ...reading, calls: reading.calls.map(({ id, ...call }) => ({ ...call, id: id.replace(/\d+x/, "x") })) });
    expect(ids(read(items))).toEqual(ids(readByVendor(await vendor.finalResponse())));
  });

  it.each(cases)("%s, of a server that does not stream", async (_, answer) => {
    const whole = await modelServer({ ...openaiResponsesWire, isStream: () => false });
    try {
      whole.script(answer);
      const openai = new OpenAI({ baseURL: `${whole.url}/v1`, apiKey: "k", maxRetries: 0 });
      const vendor = await openai.responses.create({ model: "model-1", input: "hi", include: ["reasoning.encrypted_content"] });
      const endpoint = { ...ours.endpoint, baseUrl: `${whole.url}/v1` };
      const reading = read(await collect(ours.api.stream({ endpoint, request: ask("hi", { tools: [dice] }) })));
      const theirs = readByVendor(vendor);
      expect([reading.encrypted, reading.usage, reading.end, reading.refusal]).toEqual([theirs.encrypted, theirs.usage, theirs.end, theirs.refusal]);
      expect(reading.calls.map(({ args }) => args)).toEqual(theirs.calls.map(({ args }) => args));
    } finally {
      await whole.close();
    }
  });

  it("and what it sends back is taken by the vendor's types", async () => {
    server.script({ say: [{ reasoning: "Hm.", opaque: "gAAA" }, { call: { name: "game_dice", args: {} } }] });
    await collect(ours.api.stream({ endpoint: ours.endpoint, request: ask("hi", { tools: [dice], thinking: { effort: "low" } }) }));
    // Compiles only while the fields are those of the published format.
    const fields: (keyof OpenAI.Responses.ResponseCreateParamsStreaming)[] = ["model", "input", "tools", "reasoning", "include", "store", "stream"];
    expect(Object.keys(server.requests.at(-1)!.body).sort()).toEqual([...fields].sort());
  });
});
