import { type GenerateContentResponse, GoogleGenAI } from "@google/genai";
import type { ModelEvent } from "@plinth/sdk";
import { geminiServer, geminiWire, type ModelServer, modelServer, type ScriptedAnswer } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, collect, dice, type Opened, opened } from "./api.testing.ts";

let [server, ours]: [ModelServer, Opened] = [] as never;
beforeAll(async () => {
  server = await geminiServer({ models: ["a", "b", "c"], page: 2 });
  ours = await opened(`${server.url}/v1beta`);
});
afterAll(() => ours.host.close().then(server.close));

const google = () => new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: server.url, apiVersion: "v1beta" } });

/** One answer in words that both clients' readings can be put in. */
interface Reading {
  text: string;
  thought: string;
  signatures: string[];
  calls: { id: string | undefined; name: string; args: unknown }[];
  usage: (number | undefined)[] | undefined;
  end: string;
}

function read(items: readonly ModelEvent[]): Reading {
  const all = <T>(pick: (item: ModelEvent) => T | T[] | undefined): T[] => items.flatMap((item) => pick(item) ?? []) as T[];
  const [usage] = all((item) => (item.type === "usage" ? item.usage : undefined));
  const kept = (item: ModelEvent): any => (item.type === "part" || item.type === "reasoning" ? item.part?.opaque?.data : undefined);
  return {
    text: all((item) => (item.type === "text" ? item.delta : undefined)).join(""),
    thought: all((item) => (item.type === "reasoning" ? item.delta : undefined)).join(""),
    signatures: all<string>((item) => kept(item)?.part.thoughtSignature),
    calls: all((item) =>
      item.type === "tool-call" ? { id: (item.call.opaque?.data as any)?.part.id, name: item.call.name, args: item.call.args } : undefined,
    ),
    usage: usage && [usage.inputTokens, usage.outputTokens, usage.cacheReadTokens, usage.reasoningTokens],
    end: all<string>((item) => (item.type === "end" ? item.reason : undefined))[0]!,
  };
}

/** The same, as the vendor's own client gives it. */
function readByVendor(chunks: readonly GenerateContentResponse[]): Reading {
  const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
  const calls = parts.flatMap(({ functionCall }) => functionCall ?? []).map(({ id, name, args }) => ({ id, name: name!.replace("_", "."), args }));
  const usage = chunks.findLast(({ usageMetadata }) => usageMetadata !== undefined)?.usageMetadata;
  const finish = String(chunks.findLast((chunk) => chunk.candidates?.[0]?.finishReason)?.candidates?.[0]?.finishReason);
  return {
    text: parts.flatMap(({ text, thought }) => (text && !thought ? [text] : [])).join(""),
    thought: parts.flatMap(({ text, thought }) => (text && thought ? [text] : [])).join(""),
    signatures: parts.flatMap(({ thoughtSignature }) => thoughtSignature ?? []),
    calls,
    usage: usage && [
      usage.promptTokenCount!,
      usage.candidatesTokenCount! + (usage.thoughtsTokenCount ?? 0),
      usage.cachedContentTokenCount,
      usage.thoughtsTokenCount,
    ],
    end: finish === "STOP" ? (calls.length > 0 ? "tool-calls" : "stop") : finish === "MAX_TOKENS" ? "length" : "filter",
  };
}

const cases: [string, ScriptedAnswer][] = [
  ["a text", { say: [{ text: "It is " }, { text: "wärm 🌡️." }], usage: { inputTokens: 7, outputTokens: 5, cacheReadTokens: 3 } }],
  [
    "thinking and two calls, one with an id",
    {
      say: [
        { reasoning: "Two dice.", opaque: "c2ln" },
        { text: "I roll." },
        { call: { name: "game_dice", args: { sides: 6 } } },
        { call: { id: "own", name: "game_dice", args: {} } },
      ],
      usage: { inputTokens: 1, outputTokens: 9, reasoningTokens: 4 },
    },
  ],
  ["a limit", { say: [{ text: "Once upon" }], end: "length" }],
  ["a filter", { say: [{ text: "Once" }], end: "filter" }],
  ["nothing", { say: [] }],
];

describe("an answer is read as the vendor's own client reads it", () => {
  it.each(cases)("%s", async (_, answer) => {
    server.script(answer);
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await google().models.generateContentStream({ model: "gemini-3-pro", contents: "hi" })) chunks.push(chunk);
    const items = await collect(ours.api.stream({ endpoint: ours.endpoint, request: ask("hi", { tools: [dice] }) }));
    expect(read(items)).toEqual(readByVendor(chunks));
  });

  it.each(cases)("%s, of a server that does not stream", async (_, answer) => {
    const whole = await modelServer({ ...geminiWire(), isStream: () => false });
    try {
      whole.script(answer);
      const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: whole.url, apiVersion: "v1beta" } });
      const vendor = await client.models.generateContent({ model: "gemini-3-pro", contents: "hi" });
      const endpoint = { ...ours.endpoint, baseUrl: `${whole.url}/v1beta` };
      const items = await collect(ours.api.stream({ endpoint, request: ask("hi", { tools: [dice] }) }));
      expect(read(items)).toEqual(readByVendor([vendor]));
    } finally {
      await whole.close();
    }
  });

  it("and the same is asked as the vendor's own client asks it", async () => {
    server.script({ say: [{ text: "Hi." }] });
    await google().models.generateContent({
      model: "gemini-3-pro",
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
      config: {
        systemInstruction: { parts: [{ text: "Be kind." }] },
        tools: [
          { functionDeclarations: [{ name: "game_dice", description: "Rolls a die.", parametersJsonSchema: dice.input }] },
          { googleSearch: {} },
        ],
        toolConfig: { functionCallingConfig: { mode: "ANY" as never, allowedFunctionNames: ["game_dice"] } },
        maxOutputTokens: 50,
        stopSequences: ["END"],
        seed: 7,
        temperature: 0.5,
        responseMimeType: "application/json",
        responseJsonSchema: { type: "object" },
        thinkingConfig: { includeThoughts: true, thinkingLevel: "low" as never },
      },
    });
    const theirs = server.requests.at(-1)!;
    const request = ask("hi", {
      system: [{ type: "text", text: "Be kind." }],
      tools: [dice],
      serverTools: [{ id: "web-search" }],
      toolChoice: { name: "game.dice" },
      maxOutputTokens: 50,
      stop: ["END"],
      seed: 7,
      temperature: 0.5,
      output: { schema: { type: "object" } },
      thinking: { effort: "low" },
    });
    await collect(ours.api.stream({ endpoint: ours.endpoint, request }));
    const own = server.requests.at(-1)!;
    expect(own.body).toEqual({ ...theirs.body, systemInstruction: own.body.systemInstruction });
    expect(theirs.body.systemInstruction).toMatchObject(own.body.systemInstruction);
    expect(own.path).toBe(`${theirs.path.replace(":generateContent", ":streamGenerateContent")}?alt=sse`);
    expect([own.headers["x-goog-api-key"], theirs.headers["x-goog-api-key"]]).toEqual(["k", "k"]);
  });

  it("and models and tokens are told alike", async () => {
    const listed: string[] = [];
    for await (const { name } of await google().models.list()) listed.push(name!.replace("models/", ""));
    const { models } = await ours.api.models({ endpoint: ours.endpoint });
    expect(models.map(({ id }) => id)).toEqual(listed);
    expect(models[0]).toEqual({ id: "a", title: "a", contextTokens: 1_048_576, maxOutputTokens: 65_536 });
    const contents = [{ role: "user", parts: [{ text: "hi" }] }];
    const { totalTokens } = await google().models.countTokens({ model: "a", contents });
    expect(await ours.api.countTokens({ endpoint: ours.endpoint, request: ask("hi") })).toEqual({ inputTokens: totalTokens });
  });
});
