import type { ModelEndpoint, ModelInfo, ModelRequest, Part } from "@plinth/sdk";
import { toolCallsOf } from "@plinth/sdk";
import { answerContent, bedrockEvent } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endpointAt, MODEL, request, type Subject, subject, user } from "./bedrock.testing.ts";

let one: Subject;
beforeEach(async () => {
  one = await subject();
});
afterEach(() => one.close());

const tools = [{ name: "home.dice", description: "Rolls.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const text = (said: string, cache?: true): Part => ({ type: "text", text: said, ...(cache ? { cache } : {}) });
const call = (id: string): Part => ({ type: "tool-call", id, name: "home.dice", args: { sides: 6 } });
const result = (callId: string, ...content: any[]): Part => ({ type: "tool-result", callId, name: "home.dice", content });
const body = () => one.server.requests.at(-1)!.body;
const models = (...rows: (Partial<ModelInfo> & { id: string })[]): Partial<ModelEndpoint> => ({ models: rows });
const failed = (attempt: Promise<unknown>) =>
  attempt.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );
async function sent(asked: Partial<ModelRequest>, endpoint?: Partial<ModelEndpoint>): Promise<any> {
  await one.ask(asked, endpoint);
  return body();
}

describe("an answer", () => {
  it("is told as it comes: thoughts, text, calls, usage, one end", async () => {
    one.server.script({
      say: [
        { reasoning: "hm", opaque: "sig==" },
        { reasoning: "", opaque: { reasoningContent: { redactedContent: "U0VDUkVU" } } },
        { text: "I roll " },
        { text: "twice." },
        { call: { id: "tooluse_1", name: "home_dice", args: { sides: 6 } } },
        { call: { name: "home_dice", args: "" } },
      ],
      usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 30 },
    });
    const events = await one.ask({ tools });
    expect(answerContent(events)).toEqual([
      {
        type: "reasoning",
        text: "hm",
        opaque: { data: { vendor: "bedrock", block: { reasoningContent: { reasoningText: { text: "hm", signature: "sig==" } } } } },
      },
      { type: "reasoning", redacted: true, opaque: { data: { vendor: "bedrock", block: { reasoningContent: { redactedContent: "U0VDUkVU" } } } } },
      { type: "text", text: "I roll twice." },
      { type: "tool-call", id: "tooluse_1", name: "home.dice", args: { sides: 6 } },
      { type: "tool-call", id: expect.stringMatching(/^tooluse_/), name: "home.dice", args: {} },
    ]);
    expect(events.slice(-2)).toEqual([
      { type: "usage", usage: { inputTokens: 100, outputTokens: 20, cacheReadTokens: 60, cacheWriteTokens: 30 } },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("goes back with its thoughts as they came, to the vendor that made them only", async () => {
    const search = { toolUse: { toolUseId: "tooluse_s", name: "nova_grounding", type: "server_tool_use", input: { q: "x" } } };
    const found = { toolResult: { toolUseId: "tooluse_s", type: "nova_grounding_result", status: "success", content: [{ json: { a: 1 } }] } };
    one.server.script({
      say: [
        { reasoning: "a  thought \n", opaque: "sig" },
        { reasoning: "", opaque: search },
        { reasoning: "", opaque: found },
        { call: { name: "home_dice", args: { sides: 6 } } },
      ],
    });
    const content = answerContent(await one.ask({ tools, serverTools: [{ id: "nova_grounding" }] }));
    expect(body().toolConfig.tools[1]).toEqual({ systemTool: { name: "nova_grounding" } });
    const { id } = toolCallsOf(content)[0]!;
    const messages = [user("roll"), { role: "assistant" as const, content }, { role: "tool" as const, content: [result(id, text("4"))] }];
    one.server.script({ say: [{ text: "4" }] });
    await one.ask({ tools, messages });
    const used = { toolUse: { toolUseId: id, name: "home_dice", input: { sides: 6 } } };
    expect(body().messages[1].content).toEqual([
      { reasoningContent: { reasoningText: { text: "a  thought \n", signature: "sig" } } },
      search,
      found,
      used,
    ]);
    await one.ask({ tools, messages }, { vendor: "other" });
    expect(body().messages[1].content).toEqual([used]);
  });

  it("has its sources, and takes them back", async () => {
    const citation = {
      title: "A",
      source: "https://a.example/x",
      sourceContent: [{ text: "so" }],
      location: { web: { url: "https://a.example/x" } },
    };
    const delta = (contentBlockIndex: number, given: object) => bedrockEvent("contentBlockDelta", { contentBlockIndex, delta: given });
    one.server.script({
      say: [
        {
          raw: Buffer.concat([
            delta(0, { text: "They say " }),
            bedrockEvent("contentBlockStop", { contentBlockIndex: 0 }),
            delta(1, { text: "so" }),
            delta(1, { citation }),
            bedrockEvent("contentBlockStop", { contentBlockIndex: 1 }),
          ]),
        },
      ],
    });
    const content = answerContent(await one.ask());
    expect(content).toEqual([
      { type: "text", text: "They say " },
      { type: "text", text: "so", opaque: { data: { vendor: "bedrock", citations: [citation] } } },
      { type: "citation", url: "https://a.example/x", title: "A", quote: "so", start: 9, end: 11 },
    ]);
    await one.ask({ messages: [user("so?"), { role: "assistant", content }, user("sure?")] });
    expect(body().messages[1].content).toEqual([{ text: "They say " }, { citationsContent: { content: [{ text: "so" }], citations: [citation] } }]);
  });

  it.each([
    ["stop", "stop"],
    ["raw:stop_sequence", "stop"],
    ["length", "length"],
    ["raw:model_context_window_exceeded", "length"],
    ["filter", "filter"],
    ["raw:content_filtered", "filter"],
  ])("that ends with %s says %s", async (end, reason) => {
    one.server.script({ say: [{ text: "so" }], end });
    const events = await one.ask();
    expect(events.at(-1)).toEqual({ type: "end", reason });
    expect(events.some(({ type }) => type === "warning")).toBe(end.includes("context_window"));
    expect(events.some(({ type }) => type === "usage")).toBe(false);
  });

  it("never runs a call that was cut", async () => {
    one.server.script({
      say: [{ call: { name: "home_dice", args: '{"sides":6}' } }, { call: { name: "home_dice", args: '{"sides":' } }],
      end: "length",
    });
    expect(toolCallsOf(answerContent(await one.ask({ tools }))).map(({ args }) => args)).toEqual([{ sides: 6 }]);
  });
});

describe("a failure", () => {
  it.each([
    [403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", "AUTH"],
    [403, "UnrecognizedClientException", "The security token included in the request is invalid.", "AUTH"],
    [403, "ExpiredTokenException", "The security token included in the request is expired", "AUTH"],
    [400, "ValidationException", "The provided model identifier is invalid.", "UNKNOWN"],
    [404, "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier.", "UNKNOWN"],
    [400, "ValidationException", "Input is too long for requested model.", "CONTEXT"],
    [400, "ValidationException", "The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum", "CONTEXT"],
    [400, "ValidationException", "Malformed input request", "REQUEST"],
    [400, "ServiceQuotaExceededException", "You have exceeded your service quota.", "QUOTA"],
    [408, "ModelTimeoutException", "Model has timed out in processing the request.", "SERVER"],
    [424, "ModelErrorException", "The system encountered an unexpected error during processing.", "SERVER"],
    [429, "ThrottlingException", "Too many tokens, please wait before trying again.", "RATE"],
    [429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", "QUOTA"],
    [429, "ModelNotReadyException", "Model is not ready for inference.", "OVERLOADED"],
    [500, "InternalServerException", "The system encountered an unexpected error.", "SERVER"],
    [503, "ServiceUnavailableException", "Bedrock is unable to process your request.", "OVERLOADED"],
  ])("of %i %s %j is %s", async (status, type, message, kind) => {
    one.server.script({
      refuse: { status, body: { message }, headers: { "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/com.amazon.bedrock/` } },
    });
    expect(await failed(one.ask())).toMatchObject({
      code: `PLINTH_MODEL_${kind}`,
      details: { status },
      message: expect.stringContaining(message.slice(0, 20)),
    });
  });

  it.each([
    ["throttlingException", "RATE"],
    ["serviceUnavailableException", "OVERLOADED"],
    ["internalServerException", "SERVER"],
    ["modelStreamErrorException", "SERVER"],
    ["validationException", "REQUEST"],
  ])("in mid-stream, %s, is told after what was said", async (type, kind) => {
    one.server.script({ say: [{ text: "so " }, { raw: bedrockEvent(type, { message: "It broke." }, "exception") }] });
    const said: string[] = [];
    const error = await failed(
      (async () => {
        for await (const event of one.api.stream({ endpoint: one.endpoint, request: request() })) said.push(event.type);
      })(),
    );
    expect(said).toEqual(["text"]);
    expect(error).toMatchObject({ code: `PLINTH_MODEL_${kind}`, message: expect.stringContaining("It broke.") });
  });

  it.each([
    ["a cut connection", { say: [{ text: "so" }], cut: 150 }],
    ["an end that is not told", { say: [{ text: "so" }], end: "none" }],
    ["calls that cannot be read", { say: [{ text: "so" }], end: "raw:malformed_tool_use" }],
    ["calls that are not made", { say: [{ text: "so" }], end: "tool-calls" }],
    ["arguments that are not JSON", { say: [{ call: { name: "x", args: "{sides" } }] }],
    ["something that is no event stream", { say: [{ raw: "data: {}\n\n data: {}\n\n" }] }],
  ])("by %s is one of the stream", async (_, answer) => {
    one.server.script(answer);
    expect((await failed(one.ask())).code).toBe("PLINTH_MODEL_STREAM");
  });

  it("by a server that is not there is one of the network", async () => {
    expect((await failed(one.ask({}, endpointAt("http://127.0.0.1:9")))).code).toBe("PLINTH_MODEL_NETWORK");
  });
});

describe("models", () => {
  it("are the foundation models and the inference profiles, over pages", async () => {
    const other = await subject({ models: ["a", "b"], profiles: ["us.c", "us.d", "us.e"] });
    const { models: listed } = await other.api.models({ endpoint: other.endpoint });
    expect(listed).toEqual([
      ...["a", "b"].map((id) => ({ id, title: id.toUpperCase(), family: "Test", input: ["image"] })),
      ...["us.c", "us.d", "us.e"].map((id) => ({ id, title: id.toUpperCase() })),
    ]);
    await other.close();
  });

  it("of a server without a list are the catalogue's", async () => {
    expect(await one.api.models({ endpoint: { ...one.endpoint, models: [{ id: "x" }], quirks: { noModels: true } } })).toEqual({
      models: [{ id: "x" }],
    });
    expect(one.server.requests).toEqual([]);
  });
});

describe("a request", () => {
  it("has messages with pictures, documents and results, and names its documents apart", async () => {
    const pdf = { type: "file" as const, mimeType: "application/pdf", base64: "JVBERi0=", name: "Q1_report.v2.pdf" };
    const { messages } = await sent({
      tools,
      messages: [
        user({ type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" }, pdf, pdf, {
          type: "file",
          mimeType: "application/json",
          url: "s3://b/k.json",
        }),
        { role: "assistant", content: [call("a:1")] },
        {
          role: "tool",
          content: [{ ...result("a:1", text("no"), { type: "image", mimeType: "image/jpeg", base64: "/9j/" }), isError: true } as Part],
        },
        user("go on"),
      ],
    });
    expect(messages[0].content).toEqual([
      { image: { format: "png", source: { bytes: "iVBORw0KGgo=" } } },
      { document: { format: "pdf", name: "Q1-report-v2-pdf", source: { bytes: "JVBERi0=" } } },
      { document: { format: "pdf", name: "Q1-report-v2-pdf 2", source: { bytes: "JVBERi0=" } } },
      { document: { format: "txt", name: "document", source: { s3Location: { uri: "s3://b/k.json" } } } },
      { text: "[Q1-report-v2-pdf]" },
    ]);
    const { toolUseId } = messages[1].content[0].toolUse;
    expect(messages[2].content[0]).toEqual({
      toolResult: { toolUseId, status: "error", content: [{ text: "no" }, { image: { format: "jpeg", source: { bytes: "/9j/" } } }] },
    });
    expect(messages[2].content[1].text.trim()).toBe("go on");
  });

  it("tells calls as text where no tool may be called", async () => {
    const messages = [
      user("roll"),
      { role: "assistant" as const, content: [call("a")] },
      { role: "tool" as const, content: [result("a", text("4"))] },
    ];
    for (const asked of [{ messages }, { messages, tools, toolChoice: "none" as const }]) {
      const given = await sent(asked);
      expect(given.toolConfig).toBeUndefined();
      expect(JSON.stringify(given.messages)).toContain("home.dice");
    }
  });

  it.each([
    [{}, undefined],
    [{ toolChoice: "auto" }, { auto: {} }],
    [{ toolChoice: "required" }, { any: {} }],
    [{ toolChoice: { name: "home.dice" } }, { tool: { name: "home_dice" } }],
  ] as const)("chooses tools: %j", async (asked, choice) => {
    const { toolConfig } = await sent({ tools, ...(asked as object) });
    expect(toolConfig).toEqual({
      tools: [{ toolSpec: { name: "home_dice", description: "Rolls.", inputSchema: { json: tools[0]!.input } } }],
      ...(choice === undefined ? {} : { toolChoice: choice }),
    });
  });

  it("has four cache points at most, none after a thought, and none where the model has no cache", async () => {
    const messages = ["1", "2", "3", "4", "5"].map((said) => user(text(said, true)));
    const points = ({ system = [], messages: given }: any) =>
      [...system, ...given.flatMap(({ content }: any) => content)].flatMap((block: any, at: number, all: any[]) =>
        block.cachePoint ? [all[at - 1].text.trim()] : [],
      );
    const system = [{ type: "text" as const, text: "Be kind.", cache: true }];
    expect(points(await sent({ system, messages }))).toEqual(["Be kind.", "3", "4", "5"]);
    expect(points(await sent({ messages }, { quirks: { noCache: true } }))).toEqual([]);
    expect(points(await sent({ messages, model: "meta.llama" }))).toEqual([]);
    expect(points(await sent({ messages, model: "meta.llama" }, models({ id: "meta.llama", cache: "marked" })))).toHaveLength(4);
    const thought: Part = {
      type: "reasoning",
      cache: true,
      opaque: { data: { vendor: "bedrock", block: { reasoningContent: { reasoningText: { text: "hm", signature: "s" } } } } },
    };
    const { messages: given } = await sent(
      { messages: [user("a"), { role: "assistant", content: [text("b"), thought, text("c")] }, user("d")] },
      { quirks: { cacheTtl: "1h" } },
    );
    expect(given[1].content).toEqual([
      { text: "b" },
      { cachePoint: { type: "default", ttl: "1h" } },
      { reasoningContent: { reasoningText: { text: "hm", signature: "s" } } },
      { text: "c" },
    ]);
  });

  const old = models({ id: MODEL, maxOutputTokens: 32_000, thinking: { budget: { min: 1_024, max: 30_000 } } });
  it.each([
    ["Claude, an effort", {}, { effort: "high" }, undefined, { thinking: { type: "adaptive" } }, "high", undefined],
    ["Claude of old, an effort", {}, { effort: "low" }, old, { thinking: { type: "enabled", budget_tokens: 4_646 } }, undefined, 32_000],
    ["Claude, none", {}, "off", undefined, { thinking: { type: "disabled" } }, undefined, undefined],
    ["Claude, a budget", {}, { budgetTokens: 5_000 }, undefined, { thinking: { type: "enabled", budget_tokens: 5_000 } }, undefined, 13_192],
    [
      "Nova",
      { model: "us.amazon.nova-2-lite-v1:0" },
      { effort: "low" },
      undefined,
      { reasoningConfig: { type: "enabled", maxReasoningEffort: "low" } },
      undefined,
      undefined,
    ],
    ["others", { model: "openai.gpt-oss-120b-1:0" }, { effort: "low" }, undefined, { reasoning_effort: "low" }, undefined, undefined],
  ] as const)("says how much to think: %s", async (_, asked, thinking, endpoint, fields, effort, maxTokens) => {
    const given = await sent({ ...asked, thinking: thinking as NonNullable<ModelRequest["thinking"]> }, endpoint);
    expect([given.additionalModelRequestFields, given.outputConfig?.effort, given.inferenceConfig?.maxTokens]).toEqual([fields, effort, maxTokens]);
  });

  it("says the rest in the words of the protocol", async () => {
    const schema = { type: "object", properties: { a: { type: "string" } } };
    const given = await sent(
      {
        temperature: 0.3,
        topP: 0.9,
        stop: ["END"],
        maxOutputTokens: 10,
        metadata: { team: "a" },
        output: { schema, name: "a" },
        vendor: { bedrock: { performanceConfig: { latency: "optimized" } } },
      },
      { quirks: { guardrail: { guardrailIdentifier: "g", guardrailVersion: "1" }, extraBody: { serviceTier: { type: "flex" } } } },
    );
    expect(given).toMatchObject({
      ...{ inferenceConfig: { maxTokens: 10, temperature: 0.3, topP: 0.9, stopSequences: ["END"] }, requestMetadata: { team: "a" } },
      ...{ outputConfig: { textFormat: { type: "json_schema", structure: { jsonSchema: { schema: JSON.stringify(schema), name: "a" } } } } },
      ...{ guardrailConfig: { guardrailIdentifier: "g" }, serviceTier: { type: "flex" }, performanceConfig: { latency: "optimized" } },
    });
  });

  it.each([
    [{ seed: 1 }, undefined, "seed"],
    [{ output: "json" }, undefined, "output"],
    [{ parallelTools: false, tools }, undefined, "parallelTools"],
    [{ serverTools: [{ id: "web-search" }] }, undefined, "serverTools"],
    [{ messages: [user("x", { type: "image", mimeType: "image/png", url: "https://a.example/x.png" })] }, undefined, "messages"],
    [{ thinking: { budgetTokens: 2_000 }, model: "amazon.nova-2" }, undefined, "thinking"],
    [{ thinking: { effort: "high" }, temperature: 0.5 }, undefined, "temperature"],
    [{ temperature: 0.5 }, models({ id: MODEL, sampling: false }), "temperature"],
    [{ tools }, models({ id: MODEL, tools: "none" }), "tools"],
  ] as const)("is refused, or sent without, where it cannot be: %j", async (asked, endpoint, param) => {
    const given = asked as unknown as Partial<ModelRequest>;
    expect(await failed(one.ask(given, endpoint))).toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param } });
    expect(await one.ask({ ...given, onUnsupported: "drop" }, endpoint)).toContainEqual(expect.objectContaining({ type: "warning", param }));
  });
});
