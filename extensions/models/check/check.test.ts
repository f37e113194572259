import { type AskedRequest, createTestHost, modelServer, openaiChatWire, type ScriptedAnswer, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { knowsModels } from "../../agents/native/scripted.testing.ts";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const usage = { inputTokens: 9, outputTokens: 4 };

/** As a good model on a good server answers. */
function good({ body }: AskedRequest): ScriptedAnswer {
  const said = JSON.stringify(body.messages.at(-1));
  if (body.model !== "m") return { refuse: { status: 404, body: { error: { message: "The model does not exist", code: "model_not_found" } } } };
  if (body.max_tokens === 16) return { say: [{ text: "Once" }], end: "length", usage };
  if (body.messages.at(-1).role === "tool") return { say: [{ text: "It is 17 degrees." }], usage };
  if (said.includes("Oslo")) return { say: ["Bern", "Oslo"].map((city) => ({ call: { name: "get_weather", args: { city } } })), usage };
  if (body.tools !== undefined) return { say: [{ call: { name: "get_weather", args: { city: "Bern" } } }], usage };
  if (body.response_format !== undefined) return { say: [{ text: '{"city":"Oslo","people":700000}' }], usage };
  if (said.includes("image_url")) return { say: [{ text: "Red." }], usage };
  if (said.includes("Repeat")) return { say: [{ text: "Grüße 🎲 日本" }], usage };
  return { say: [{ text: "one, " }, { text: "two" }], usage };
}

async function serve(answer: (request: AskedRequest) => ScriptedAnswer) {
  const wire = openaiChatWire("reasoning_content");
  const refused = (request: AskedRequest) => answer(request).refuse;
  const server = await modelServer(
    { ...wire, refusal: refused, stream: (_: ScriptedAnswer, request: AskedRequest) => wire.stream(answer(request), request) },
    { models: ["m"] },
  );
  const knows = knowsModels({ servers: { work: { baseUrl: `${server.url}/v1`, models: ["m"], defaultModel: "m" } } });
  const host: TestHost = await createTestHost({
    extensions: [{ manifest, extension }, { manifest: apiManifest, extension: api }, ...knows.extensions],
    provide: knows.provide,
  });
  closing.push(server.close, () => host.close());
  return { host, url: `${server.url}/v1` };
}

async function checked(host: TestHost, server: string, options: object = {}, terminal: object = { json: true }) {
  const items: any[] = [];
  const run = host.use("plinth.cli-command").get("models-check");
  const input = { args: { server }, options, terminal: { tty: false, color: false, columns: 80, cwd: "/", local: true, ...terminal } };
  await host.as({ role: "owner", via: "cli" }, async () => {
    for await (const item of run.run(input as never)) items.push(item);
  });
  const result = items.find((item) => "result" in item)?.result;
  return {
    items,
    result,
    marks: Object.fromEntries((result?.rows ?? []).map(({ check, status }: any) => [check, status])),
    exit: items.find((item) => "exit" in item)?.exit ?? 0,
  };
}

describe("plinth models check", () => {
  it("finds a good server right, by its address and by its id", async () => {
    const { host, url } = await serve(good);
    for (const server of [url, "work"]) {
      const { result, exit } = await checked(host, server);
      expect(result.rows.filter(({ status }: any) => status !== "ok")).toEqual([]);
      expect([result.ok, result.model, result.rows.length, exit]).toEqual([true, "m", 14, 0]);
    }
  });

  it("keeps within a terminal, whatever the server says", async () => {
    const { host, url } = await serve(() => ({ say: [{ text: `${"many words ".repeat(9)}${"x".repeat(90)}` }], usage }));
    const { items } = await checked(host, url, {}, { json: false, tty: true });
    const rows = items.flatMap(({ out = "" }) => out.split("\n")).slice(0, -2);
    expect(rows.filter((row: string) => row.length > 80)).toEqual([]);
    expect(rows.some((row: string) => /^ {33}\S/.test(row))).toBe(true);
  });

  it("says of a bad one what is wrong, what it cannot and what it leaves out", async () => {
    const { host, url } = await serve((request) => {
      const answer = good(request);
      if (JSON.stringify(request.body.messages).includes("image_url"))
        return { refuse: { status: 400, body: { error: { message: "This model does not support images" } } } };
      const { usage: _, ...rest } = answer;
      if (request.body.tools !== undefined && rest.say?.some((one) => "call" in one))
        return { ...rest, say: [{ call: { id: "same", name: "get_weather", args: {} } }] };
      return request.body.max_tokens === 16 ? { say: [{ text: "Once upon a time ".repeat(20) }], end: "stop" } : rest;
    });
    const { marks, exit, result } = await checked(host, url);
    expect(marks).toMatchObject({
      models: "ok",
      streams: "ok",
      usage: "look",
      "ends at a limit": "wrong",
      "tool call": "wrong",
      pictures: "no",
      JSON: "ok",
    });
    expect([exit, result.ok]).toEqual([1, false]);
  });

  it("prints a row for each, as they come, and only those that are meant", async () => {
    const { host, url } = await serve(good);
    const { items } = await checked(host, url, { only: "tool,usage" }, { json: false });
    const text = items.map(({ out = "" }) => out).join("");
    expect(text).toMatch(/^ok {5}usage {2,}9 tokens in, 4 out\.\nok {5}tool call .*Bern.*\n[\s\S]* right, 0 wrong\.\n$/);
    expect(text).not.toContain("pictures");
  });

  it("says what is wrong with an address, a protocol, and a server that is away", async () => {
    const { host } = await serve(good);
    await expect(checked(host, "http://127.0.0.1:1/v1", { api: "nothing" })).rejects.toMatchObject({
      code: "PLINTH_USAGE",
      next: "Use one of openai-chat.",
    });
    const { result, exit } = await checked(host, "http://127.0.0.1:1/v1");
    expect([result.rows[0], result.model, exit]).toMatchObject([
      { check: "models", status: "wrong", detail: expect.stringContaining("PLINTH_MODEL_NETWORK") },
      null,
      1,
    ]);
    const { items } = await checked(host, "http://127.0.0.1:1/v1", {}, { json: false });
    expect(items.map(({ out = "" }) => out).join("")).not.toMatch(/it lists no model|(cannot be reached.*){2}/);
  });
});
