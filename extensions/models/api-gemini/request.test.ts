import type { ModelEndpoint, ModelEvent, ModelMessage, ModelRequest } from "@plinth/sdk";
import { geminiServer, type ModelServer, type ScriptedAnswer } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, collect, dice, messageOf, type Opened, opened } from "./api.testing.ts";

let [server, host]: [ModelServer, Opened] = [] as never;
beforeAll(async () => {
  server = await geminiServer({ models: ["a", "b", "c"], page: 2 });
  host = await opened(`${server.url}/v1beta`);
});
afterAll(() => host.host.close().then(server.close));

const text = (value: string) => ({ type: "text" as const, text: value });
const user = (...content: ModelMessage["content"]): ModelMessage => ({ role: "user", content });
const event = (...parts: object[]) => `data: ${JSON.stringify({ candidates: [{ content: { role: "model", parts }, index: 0 }] })}\n\n`;

/** What is sent for a request, and what came back. */
async function sent(request: Partial<ModelRequest>, more: Partial<ModelEndpoint> = {}, ...answers: ScriptedAnswer[]) {
  server.script(...answers);
  const items: ModelEvent[] = await collect(host.api.stream({ endpoint: { ...host.endpoint, ...more }, request: ask("hi", request) }));
  const { path, headers, body } = server.requests.at(-1)!;
  return { path, headers, body, items };
}

const config = async (request: Partial<ModelRequest>, more: Partial<ModelEndpoint> = {}) => (await sent(request, more)).body.generationConfig;

describe("a request", () => {
  it("has every field in the server's words", async () => {
    const { path, headers, body } = await sent({
      system: [text("One."), text("Two.")],
      tools: [dice, { name: "now", description: "Tells the time.", input: { type: "object", properties: {} } }],
      toolChoice: "required",
      serverTools: [{ id: "web-search" }, { id: "code-execution" }, { id: "url-context" }],
      output: "json",
      maxOutputTokens: 99,
      temperature: 0.5,
      topP: 0.4,
      stop: ["END"],
      seed: 7,
      cacheKey: "x",
      metadata: { a: "b" },
      vendor: { lumen: { safetySettings: [], generationConfig: { topK: 3 } }, other: { safetySettings: "no" } },
    });
    expect([path, headers["x-goog-api-key"], headers.accept]).toEqual([
      "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
      "k",
      "text/event-stream",
    ]);
    expect(body).toEqual({
      contents: [{ role: "user", parts: [{ text: "hi" }] }],
      systemInstruction: { parts: [{ text: "One." }, { text: "Two." }] },
      tools: [
        {
          functionDeclarations: [
            { name: "game_dice", description: "Rolls a die.", parametersJsonSchema: dice.input },
            { name: "now", description: "Tells the time." },
          ],
        },
        { googleSearch: {} },
        { codeExecution: {} },
        { urlContext: {} },
      ],
      toolConfig: { functionCallingConfig: { mode: "ANY" } },
      generationConfig: {
        temperature: 0.5,
        topP: 0.4,
        topK: 3,
        maxOutputTokens: 99,
        stopSequences: ["END"],
        seed: 7,
        responseMimeType: "application/json",
      },
      safetySettings: [],
    });
    expect((await sent({ tools: [dice], toolChoice: "none" })).body.toolConfig).toEqual({ functionCallingConfig: { mode: "NONE" } });
    expect((await sent({ tools: [dice], toolChoice: { name: "game.dice" } })).body.toolConfig).toEqual({
      functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["game_dice"] },
    });
    await expect(sent({ tools: [dice], parallelTools: false })).rejects.toMatchObject({ details: { param: "parallelTools" } });
  });

  it("has names of tools that begin with a letter, and knows them again", async () => {
    const tools = [{ ...dice, name: "3d.render" }];
    const { body, items } = await sent({ tools }, {}, { say: [{ call: { name: "_3d_render", args: {} } }] });
    expect(body.tools[0].functionDeclarations[0].name).toBe("_3d_render");
    expect(items.find(({ type }) => type === "tool-call")).toMatchObject({ call: { name: "3d.render" } });
  });

  it("has pictures, sound, films and documents, by bytes and by address", async () => {
    const { body, items } = await sent({
      onUnsupported: "drop",
      messages: [
        user(
          { type: "image", mimeType: "image/png", base64: "AAAA" },
          { type: "audio", mimeType: "audio/mpeg", base64: "BBBB" },
          { type: "video", mimeType: "video/mp4", url: "https://a.example/v.mp4" },
          { type: "file", mimeType: "application/pdf", base64: "CCCC", name: "a.pdf" },
          { type: "image", mimeType: "image/*", url: "https://a.example/i" },
          { type: "video", mimeType: "video/mp4", artifact: "x", name: "w.mp4" },
        ),
      ],
    });
    expect(body.contents[0].parts).toEqual([
      { inlineData: { mimeType: "image/png", data: "AAAA" } },
      { inlineData: { mimeType: "audio/mpeg", data: "BBBB" } },
      { fileData: { mimeType: "video/mp4", fileUri: "https://a.example/v.mp4" } },
      { inlineData: { mimeType: "application/pdf", data: "CCCC" } },
      { fileData: { fileUri: "https://a.example/i" } },
      { text: "[video w.mp4, video/mp4] cannot be sent over this connection." },
    ]);
    expect(items[0]).toMatchObject({ type: "warning", param: "messages" });
  });

  it("thinks as it is told: by level, by budget, or not", async () => {
    const thought = async (thinking: ModelRequest["thinking"], model: string, more: Partial<ModelEndpoint> = {}) =>
      (await config({ model, ...(thinking === undefined ? {} : { thinking }) }, more))?.thinkingConfig;
    const known = (thinking: object) => ({ models: [{ id: "m", thinking }] });
    expect(await thought({ effort: "high" }, "gemini-3-pro")).toEqual({ includeThoughts: true, thinkingLevel: "high" });
    expect(await thought({ effort: "medium" }, "gemini-2.5-flash")).toEqual({ includeThoughts: true, thinkingBudget: 8_192 });
    expect(await thought({ effort: "high" }, "m", known({ budget: { min: 512, max: 9_000 } }))).toEqual({
      includeThoughts: true,
      thinkingBudget: 9_000,
    });
    expect(await thought({ budgetTokens: 77 }, "m")).toEqual({ includeThoughts: true, thinkingBudget: 77 });
    expect(await thought("off", "gemini-2.5-flash")).toEqual({ thinkingBudget: 0 });
    expect(await thought("off", "gemini-3-flash")).toEqual({ thinkingLevel: "minimal" });
    expect(await thought({ effort: "low" }, "m", { quirks: { thinking: "budget" } })).toEqual({ includeThoughts: true, thinkingBudget: 1_024 });
    expect(await thought(undefined, "gemini-3-pro")).toBeUndefined();
    expect(await thought(undefined, "m", known({}))).toEqual({ includeThoughts: true });
    await expect(thought("off", "m", known({ always: true }))).rejects.toMatchObject({ details: { param: "thinking" } });
    await expect(thought({ effort: "odd" }, "gemini-2.5-pro")).rejects.toMatchObject({ details: { param: "thinking" } });
  });

  it("asks for pictures of a model that makes them, and for what fits a schema", async () => {
    expect(await config({}, { models: [{ id: "gemini-3-pro", output: ["image"] }] })).toEqual({ responseModalities: ["TEXT", "IMAGE"] });
    const schema = { type: "object", properties: { a: { type: ["string", "null"] } }, additionalProperties: false };
    expect(await config({ output: { schema } })).toEqual({ responseMimeType: "application/json", responseJsonSchema: schema });
    expect(await config({ output: { schema } }, { quirks: { schema: "openapi" } })).toEqual({
      responseMimeType: "application/json",
      responseSchema: { type: "OBJECT", properties: { a: { type: "STRING", nullable: true } } },
    });
    const { body } = await sent({ tools: [dice] }, { quirks: { schema: "openapi" } });
    expect(body.tools[0].functionDeclarations[0].parameters).toEqual({ type: "OBJECT", properties: { sides: { type: "INTEGER" } } });
  });
});

describe("what the model made goes back", () => {
  const result = (callId: string, ...content: any[]) => ({ type: "tool-result" as const, callId, name: "game.dice", content });
  const call = (id: string) => ({ type: "tool-call" as const, id, name: "game.dice", args: { sides: 6 } });
  const rounds = (content: any[], ...results: any[]): ModelMessage[] => [
    user(text("hi")),
    { role: "assistant", content },
    { role: "tool", content: results },
  ];

  it("unchanged: each signature on the part that it came with", async () => {
    const made = [
      [{ text: "Hm.", thought: true, thoughtSignature: "c2ln" }],
      [{ text: "It is " }],
      [{ text: "warm." }],
      [{ text: "", thoughtSignature: "ZW1w" }],
      [{ executableCode: { language: "PYTHON", code: "1" } }, { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } }],
      [{ text: "I roll.", thoughtSignature: "d29y" }],
      [
        { functionCall: { name: "game_dice", args: { sides: 6 } }, thoughtSignature: "Y2Fs" },
        { functionCall: { name: "game_dice", args: {}, id: "own" } },
      ],
      [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" }, thoughtSignature: "aW1n" }],
    ];
    const { items } = await sent({ tools: [dice] }, {}, { say: made.map((parts) => ({ raw: event(...parts) })), end: "tool-calls" });
    const message = messageOf(items);
    const ids = message.content.flatMap(({ type, id }) => (type === "tool-call" ? [id] : []));
    const back = async (more: Partial<ModelEndpoint> = {}) =>
      (await sent({ tools: [dice], messages: [user(text("hi")), message, { role: "tool", content: ids.map((id) => result(id, text("4"))) }] }, more))
        .body.contents;
    const [, said, results] = await back();
    expect(said).toEqual({
      role: "model",
      parts: [
        { text: "Hm.", thought: true, thoughtSignature: "c2ln" },
        { text: "It is warm." },
        { text: "", thoughtSignature: "ZW1w" },
        { executableCode: { language: "PYTHON", code: "1" } },
        { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
        { text: "I roll.", thoughtSignature: "d29y" },
        { functionCall: { name: "game_dice", args: { sides: 6 } }, thoughtSignature: "Y2Fs" },
        { functionCall: { name: "game_dice", args: {}, id: "own" } },
        { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" }, thoughtSignature: "aW1n" },
      ],
    });
    expect(results).toEqual({
      role: "user",
      parts: [
        { functionResponse: { name: "game_dice", response: { output: "4" } } },
        { functionResponse: { id: "own", name: "game_dice", response: { output: "4" } } },
      ],
    });
    // To nobody else: the words and the calls only.
    expect(JSON.stringify(await back({ vendor: "other" }))).not.toMatch(/c2ln|ZW1w|d29y|Y2Fs|aW1n|"own"|thought"/);
  });

  it("with a mark where a call comes from another model, which the first of a round needs", async () => {
    const messages = rounds([call("c"), call("d")], result("c", text("4")), result("d", text("5")));
    const parts = async (more: Partial<ModelRequest>, endpoint: Partial<ModelEndpoint> = {}) =>
      (await sent({ messages, ...more }, endpoint)).body.contents[1].parts;
    const marks = (list: any[]) => list.map(({ thoughtSignature }) => thoughtSignature);
    expect(marks(await parts({}))).toEqual(["skip_thought_signature_validator", undefined]);
    expect(marks(await parts({ model: "gemini-2.5-pro" }))).toEqual([undefined, undefined]);
    expect(marks(await parts({ model: "own" }, { quirks: { signatures: "required" } }))[0]).toBe("skip_thought_signature_validator");
  });

  it("with what tools answered: all of a round together, failures told, pictures where they are taken", async () => {
    const picture = { type: "image" as const, mimeType: "image/png", base64: "AAAA", name: "a.png" };
    const messages = [
      ...rounds([call("c"), call("d")], { ...result("c", text("no")), isError: true }, result("d", text("See"), picture)),
      user(text("and?")),
      user(text("Well?")),
    ];
    const { contents } = (await sent({ messages })).body;
    expect(contents.map(({ role, parts }: any) => [role, parts.length])).toEqual([
      ["user", 1],
      ["model", 2],
      ["user", 2],
      ["user", 2],
    ]);
    expect(contents[2].parts).toEqual([
      { functionResponse: { name: "game_dice", response: { error: "no" } } },
      { functionResponse: { name: "game_dice", response: { output: "See" }, parts: [{ inlineData: { mimeType: "image/png", data: "AAAA" } }] } },
    ]);
    const old = await sent({ messages, model: "gemini-2.5-pro", onUnsupported: "drop" });
    expect(old.body.contents[2].parts[1].functionResponse.response.output).toBe(
      "See\n[image a.png, image/png, 1 KiB] is shown to the person; this connection cannot send it to the model.",
    );
  });

  it("after a user's words: the server lets nobody else begin or have the last word", async () => {
    const said = { role: "assistant" as const, content: [text("Hello.")] };
    const roles = (await sent({ messages: [said, user(text("hi")), said] })).body.contents.map(({ role }: any) => role);
    expect([roles[0], roles.at(-1)]).toEqual(["user", "user"]);
  });
});

describe("a vendor's server that differs", () => {
  it("is asked at the path of its project (Vertex AI)", async () => {
    const endpoint = {
      baseUrl: `${server.url}/v1`,
      headers: { authorization: "Bearer t" },
      quirks: { vertex: true, project: "p-1", location: "europe-west4" },
    };
    const { path, headers } = await sent({}, endpoint);
    expect(path).toBe("/v1/projects/p-1/locations/europe-west4/publishers/google/models/gemini-3-pro:streamGenerateContent?alt=sse");
    expect([headers.authorization, headers["x-goog-api-key"]]).toEqual(["Bearer t", undefined]);
    const { inputTokens } = await host.api.countTokens({ endpoint: { ...host.endpoint, ...endpoint }, request: ask("hi", { tools: [dice] }) });
    expect(inputTokens).toBeGreaterThan(10);
    expect(Object.keys(server.requests.at(-1)!.body)).toEqual(["contents", "tools"]);
  });

  it("may have tuned models, another query and no tools of its own", async () => {
    expect((await sent({ model: "tunedModels/mine" })).path).toBe("/v1beta/tunedModels/mine:streamGenerateContent?alt=sse");
    expect((await sent({}, { quirks: { query: { key: "{x}" } } })).path).toContain("?alt=sse&key=%7Bx%7D");
    await expect(sent({ serverTools: [{ id: "web-search" }] }, { quirks: { serverTools: {} } })).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNSUPPORTED",
    });
  });
});

describe("beside completions", () => {
  it("models are listed over all pages, without those that make no answers", async () => {
    const { models } = await host.api.models({ endpoint: host.endpoint });
    expect(models.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(server.requests.slice(-2).map(({ path }) => path)).toEqual(["/v1beta/models?pageSize=1000", "/v1beta/models?pageSize=1000&pageToken=2"]);
  });

  it("tokens are counted with everything that is read", async () => {
    await host.api.countTokens({ endpoint: host.endpoint, request: ask("hi", { tools: [dice], system: [text("Be kind.")], maxOutputTokens: 5 }) });
    const { path, body } = server.requests.at(-1)!;
    expect(path).toBe("/v1beta/models/gemini-3-pro:countTokens");
    expect(Object.keys(body.generateContentRequest)).toEqual(["model", "contents", "systemInstruction", "tools"]);
    expect(body.generateContentRequest.model).toBe("models/gemini-3-pro");
  });

  it("an answer that is cut, zipped or no event stream", async () => {
    await expect(sent({}, {}, { say: [{ text: "Once upon a time" }], cut: 60 })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    const { items } = await sent({}, {}, { say: [{ text: "Zipped." }], gzip: true, pieces: 7 });
    expect(items.at(-1)).toEqual({ type: "end", reason: "stop" });
    const list = await sent(
      {},
      { quirks: { query: { alt: "json" } } },
      { say: [{ text: "Listed." }], headers: { "content-type": "application/json" } },
    );
    expect(list.items).toEqual([
      { type: "text", delta: "Listed." },
      { type: "end", reason: "stop" },
    ]);
  });
});

describe("a refusal", () => {
  const refused = async (status: number, error: object) => {
    try {
      return expect.fail(JSON.stringify((await sent({}, {}, { refuse: { status, body: { error: { code: status, ...error } } } })).items));
    } catch (caught) {
      return caught as { code: string; details: Record<string, unknown> };
    }
  };
  const rpc = (type: string, more: object) => ({ "@type": `type.googleapis.com/google.rpc.${type}`, ...more });
  const exceeded = "You exceeded your current quota, please check your plan and billing details.";
  const quota = (quotaId: string) => [
    rpc("QuotaFailure", { violations: [{ quotaMetric: "generate_content_free_tier_requests", quotaId, quotaValue: "10" }] }),
    rpc("RetryInfo", { retryDelay: "34.074824224s" }),
  ];

  it("of a limit for each minute says when to ask again, and of one for each day that waiting does not help", async () => {
    const minute = await refused(429, {
      message: exceeded,
      status: "RESOURCE_EXHAUSTED",
      details: quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
    });
    expect(minute).toMatchObject({ code: "PLINTH_MODEL_RATE", details: { retryAfterMs: 34_075, retryable: true } });
    const day = await refused(429, {
      message: exceeded,
      status: "RESOURCE_EXHAUSTED",
      details: quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
    });
    expect(day).toMatchObject({ code: "PLINTH_MODEL_QUOTA", details: { retryable: false } });
  });

  it("is told by what can be done", async () => {
    const key = rpc("ErrorInfo", { reason: "API_KEY_INVALID", domain: "googleapis.com" });
    expect(await refused(400, { message: "API key not valid.", status: "INVALID_ARGUMENT", details: [key] })).toMatchObject({
      code: "PLINTH_MODEL_AUTH",
    });
    const long = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
    expect(await refused(400, { message: long, status: "INVALID_ARGUMENT" })).toMatchObject({
      code: "PLINTH_MODEL_CONTEXT",
      details: { limitTokens: 1_048_576, askedTokens: 1_200_000 },
    });
    expect(await refused(404, { message: "models/x is not found for API version v1beta", status: "NOT_FOUND" })).toMatchObject({
      code: "PLINTH_MODEL_UNKNOWN",
    });
    expect(await refused(403, { message: "denied", status: "PERMISSION_DENIED" })).toMatchObject({ code: "PLINTH_MODEL_AUTH" });
    expect(await refused(503, { message: "The model is overloaded.", status: "UNAVAILABLE" })).toMatchObject({ code: "PLINTH_MODEL_OVERLOADED" });
    const field = [rpc("BadRequest", { fieldViolations: [{ field: "contents[0].parts", description: "must not be empty" }] })];
    expect(await refused(400, { message: "Invalid", status: "INVALID_ARGUMENT", details: field })).toMatchObject({
      code: "PLINTH_MODEL_REQUEST",
      details: { param: "contents[0].parts" },
    });
  });
});
