import type { ModelMessage, TurnEvent } from "@plinth/sdk";
import { createTestHost, type ModelServer, modelServer, openaiChatWire, type ScriptedAnswer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import api from "../../models/api-openai-chat/index.ts";
import apiManifest from "../../models/api-openai-chat/plinth.json" with { type: "json" };
import catalog from "../../tools/catalog/index.ts";
import catalogManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { knowsModels, runTurn, scriptedTool, text } from "./scripted.testing.ts";

let open: { host: TestHost; server: ModelServer } | undefined;
afterEach(async () => {
  await open?.host.close();
  await open?.server.close();
  open = undefined;
});

/** A vendor that refuses what its real ones refuse, and says it as they do. */
const emulated = (refuse: (tools: any[], body: any) => { message: string; param?: string } | undefined) =>
  modelServer({
    ...openaiChatWire("reasoning_content"),
    refusal: ({ body }) => {
      const error = refuse(body.tools ?? [], body);
      return error === undefined ? undefined : { status: 400, body: { error } };
    },
  });

async function start(server: ModelServer, tools: ReturnType<typeof scriptedTool>[], ...answers: ScriptedAnswer[]) {
  if (answers.length > 0) server.script(...answers);
  const quirks = { schema: { bound: "openai-strict" } };
  const knows = knowsModels({ servers: { acme: { baseUrl: `${server.url}/v1`, models: ["m", "n"], defaultModel: "m", quirks } } });
  const host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: catalogManifest, extension: catalog },
      { manifest: apiManifest, extension: api },
      ...knows.extensions,
    ],
    provide: [...knows.provide, ...tools],
  });
  open = { host, server };
  return host;
}

const tool = (id: string, input: object = { type: "object", properties: {} }) => scriptedTool(id, ["read"], () => text(`${id} ran`), input);
const sent = ({ requests }: ModelServer) => requests.map(({ body }) => (body.tools ?? []).map((one: any) => one.function.name));
const warnings = (items: TurnEvent[]) => items.filter(({ type }) => type === "warning");

describe("a tool that a vendor refuses", () => {
  const refusesBad = () =>
    emulated((tools) => {
      const bad = tools.find((one) => one.function.name.startsWith("bad"));
      return bad && { message: `Invalid schema for function '${bad.function.name}': In context=(), array schema missing items.` };
    });

  it("is left out for that model, its extension is named to the person and the model, and the turn goes on", async () => {
    const server = await refusesBad();
    const host = await start(
      server,
      [tool("bad.one"), tool("bad.two"), tool("good")],
      { say: [{ call: { name: "good", args: {} } }] },
      { say: [{ text: "ok" }] },
    );
    const items = await runTurn(host, { model: "acme/m" });
    expect(items.at(-1)).toMatchObject({ type: "done", text: "ok" });
    expect(sent(server)).toEqual([["bad_one", "bad_two", "good"], ["bad_two", "good"], ["good"], ["good"]]);
    expect(warnings(items)).toMatchObject([
      {
        code: "PLINTH_MODEL_TOOLS",
        param: "tools[bad.one]",
        message: expect.stringMatching(/^The tool "bad.one" of the extension \S+ was refused by acme\/m/),
      },
      { code: "PLINTH_MODEL_TOOLS", param: "tools[bad.two]" },
    ]);
    const { findings } = await host.use("plinth.check").get("refused-tools").examine({ online: false });
    expect(findings.map(({ what }) => what)).toEqual(["bad.one", "bad.two"].map((name) => `has a tool that acme/m does not take: ${name}`));
    expect(server.requests.at(-1)!.body.messages[0].content).toMatch(/These tools cannot be called now.*bad\.one \(of \S+\), bad\.two/);
  });

  it("is named each time to whoever handed it over", async () => {
    const server = await refusesBad();
    const host = await start(server, []);
    const tools = [{ name: "bad", description: "", input: { type: "object" } }];
    const asked = async () => {
      const items: any[] = [];
      const request = {
        model: "acme/m",
        messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }],
        tools,
        onUnsupported: "drop" as const,
      };
      for await (const item of host.use("plinth.models").one().stream(request)) items.push(item);
      return items.filter(({ type }) => type === "warning").map(({ param }) => param);
    };
    expect([await asked(), await asked()]).toEqual([["tools[bad]"], ["tools[bad]"]]);
    // Who wants nothing left out is told what the server says.
    const strict = host.use("plinth.models").one().stream({ model: "acme/n", messages: [], tools });
    await expect(
      strict[Symbol.asyncIterator]()
        .next()
        .then(() => strict[Symbol.asyncIterator]().next()),
    ).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
  });

  it("is not sent to that model again, and is to another one", async () => {
    const server = await refusesBad();
    const host = await start(server, [tool("bad"), tool("good")]);
    for (const model of ["acme/m", "acme/m", "acme/n"]) await runTurn(host, { model });
    expect(sent(server)).toEqual([["bad", "good"], ["good"], ["good"], ["bad", "good"], ["good"]]);
  });
});

describe("a refusal that names no tool", () => {
  const names = Array.from({ length: 60 }, (_, at) => `job${String(at).padStart(2, "0")}`);
  const refuses = (...bad: string[]) =>
    emulated((tools) =>
      tools.some((one) => bad.includes(one.function.name)) ? { message: "Invalid JSON schema in tool parameters: unsupported keyword." } : undefined,
    );

  it("is traced by halving, in few requests; what was found is named, remembered, and the turn goes on", async () => {
    const server = await refuses("job17", "job42");
    const host = await start(
      server,
      names.map((name) => tool(name)),
    );
    const items = await runTurn(host, { model: "acme/m" });
    expect(items.at(-1)).toMatchObject({ type: "done", text: "Hello." });
    expect(warnings(items).map(({ param }: any) => param)).toEqual(["tools[job17]", "tools[job42]"]);
    expect(warnings(items)[0]).toMatchObject({ message: expect.stringMatching(/^The tool "job17" of the extension \S+ is what acme\/m refuses/) });
    expect(server.requests.length).toBeLessThan(24);
    expect(sent(server).at(-1)).toHaveLength(58);
    const trials = server.requests.filter(({ body }) => body.max_tokens === 16);
    expect(trials.every(({ body }) => body.messages.length === 1)).toBe(true);
    const before = server.requests.length;
    await runTurn(host, { model: "acme/m" });
    expect(server.requests.length).toBe(before + 1);
  });

  it("stands where it is not the tools alone, where many are at fault, and where it is about something else", async () => {
    const all = names.map((name) => tool(name));
    for (const [refuse, most] of [
      // The conversation and the tools together.
      [(tools: any[], body: any) => tools.length > 0 && body.max_tokens !== 16, 2],
      [(tools: any[]) => tools.length > 1, 10],
      [(tools: any[]) => tools.some((one) => Number(one.function.name.slice(-2)) % 3 === 0), 30],
    ] as const) {
      const server = await emulated((tools, body) => (refuse(tools, body) ? { message: "The schema of a function is invalid." } : undefined));
      const host = await start(server, all);
      await expect(runTurn(host, { model: "acme/m" })).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
      expect(server.requests.length).toBeLessThanOrEqual(most);
      await open?.host.close();
      await open?.server.close();
      open = undefined;
    }
    const server = await emulated((tools) => (tools.length > 0 ? { message: "Invalid value for temperature." } : undefined));
    const host = await start(server, all);
    await expect(runTurn(host, { model: "acme/m" })).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST" });
    expect(server.requests).toHaveLength(1);
  });
});

it("a model without tools is asked without them from then on, and reads what was called as text", async () => {
  const server = await emulated((tools) => (tools.length > 0 ? { message: "registry.ollama.ai/library/phi does not support tools" } : undefined));
  const host = await start(server, [tool("good")]);
  const history: ModelMessage[] = [
    { role: "user", content: [{ type: "text", text: "a" }] },
    { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "good", args: { x: 1 } }] },
    { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "good", content: [{ type: "text", text: "seven" }] }] },
    { role: "user", content: [{ type: "text", text: "b" }] },
  ];
  const items = await runTurn(host, { model: "acme/m", history });
  await runTurn(host, { model: "acme/m", history });
  expect(items.at(-1)).toMatchObject({ type: "done", text: "Hello." });
  expect(warnings(items)).toMatchObject([{ param: "tools" }]);
  expect(sent(server)).toEqual([["good"], [], []]);
  expect(JSON.stringify(server.requests[2]!.body.messages)).toMatch(/The tool good was called.*seven/);
});

describe("more tools than a vendor takes", () => {
  const many = Array.from({ length: 160 }, (_, at) => tool(`job${String(at).padStart(3, "0")}`));

  it("are as many as it takes, the same each time, and a search finds the rest, which can be called then", async () => {
    const server = await emulated((tools) =>
      tools.length > 128 ? { message: `Invalid 'tools': array too long. Expected an array with maximum length 128.` } : undefined,
    );
    const host = await start(
      server,
      many,
      { say: [{ call: { name: "tool_search", args: { query: "job159" } } }] },
      { say: [{ call: { name: "job159", args: {} } }] },
      { say: [{ text: "done" }] },
    );
    const items = await runTurn(host, { model: "acme/m" });
    const [first, second, third] = sent(server);
    expect([first.length, first.includes("tool_search"), first.includes("job159")]).toEqual([128, true, false]);
    const search = server.requests[0]!.body.tools.find((one: any) => one.function.name === "tool_search");
    expect(search.function.description).toMatch(/not told of here: .*job159/);
    expect([second.length, second.includes("job159")]).toEqual([128, true]);
    expect(third).toEqual(second);
    expect(JSON.stringify(items)).toContain("job159 ran");
    // What was called before is there from the start, in a conversation that goes on.
    const history = items.flatMap(({ type, message }) => (type === "message" ? [message] : []));
    server.script({ say: [{ text: "again" }] });
    await runTurn(host, { model: "acme/m", history: [...history, { role: "user", content: [{ type: "text", text: "more" }] }] });
    expect(sent(server).at(-1)).toEqual(second);
  });

  it("are bounded by what its server says, where it takes less than its protocol", async () => {
    const server = await emulated((tools) => (tools.length > 40 ? { message: "Too many tools: at most 40 tools can be sent." } : undefined));
    const host = await start(server, many);
    const items = await runTurn(host, { model: "acme/m" });
    await runTurn(host, { model: "acme/m" });
    expect(items.at(-1)).toMatchObject({ type: "done", text: "Hello." });
    expect(sent(server).map((names) => [names.length, names.includes("tool_search")])).toEqual([
      [128, true],
      [40, true],
      [40, true],
    ]);
    // What was cut away in the middle of a turn is named, and from then on the search has it.
    expect(JSON.stringify(server.requests[1]!.body.messages)).toMatch(/takes at most 40 tools.*job\d+.*look for it/);
    expect(JSON.stringify(server.requests[2]!.body)).toMatch(/not told of here: job\d+, .* and \d+ more/);
  });
});

it("a model in strict mode is bound to schemas with all required, and its tools are called as their own schemas have it", async () => {
  const server = await emulated((tools) => {
    const loose = tools.find(
      ({ function: { parameters, strict } }) => strict && Object.keys(parameters.properties).length !== parameters.required.length,
    );
    return loose && { message: `Invalid schema for function '${loose.function.name}': 'required' is required to include every key.` };
  });
  let args: unknown;
  const look = scriptedTool(
    "look",
    ["read"],
    (input) => {
      args = input.args;
      return text("seen");
    },
    { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city"], additionalProperties: false },
  );
  const open = tool("open", { type: "object", properties: { env: { type: "object", additionalProperties: { type: "string" } } } });
  const host = await start(
    server,
    [look, open],
    { say: [{ call: { name: "look", args: { city: "Bern", days: null } } }] },
    { say: [{ text: "ok" }] },
  );
  const items = await runTurn(host, { model: "acme/bound" });
  expect(items.at(-1)).toMatchObject({ text: "ok" });
  expect(args).toEqual({ city: "Bern" });
  const [one, two] = server.requests[0]!.body.tools;
  expect(one.function).toMatchObject({
    strict: true,
    parameters: { required: ["city", "days"], properties: { days: { type: ["integer", "null"] } } },
  });
  expect(two.function, "what the mode cannot say is sent as before").not.toHaveProperty("strict");
});
