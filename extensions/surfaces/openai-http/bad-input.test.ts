import { describe, expect, it } from "vitest";
import { says } from "../../agents/native/scripted.testing.ts";
import { setUp } from "./serving.testing.ts";

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
const model = '"model":"scripted/m"';
const said = '{"role":"user","content":"Hi"}';
const post = async ({ url, token }: { url: string; token: string }, path: string, body: string) => {
  const response = await fetch(`${url}/v1/${path}`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body });
  const text = await response.text();
  return { status: response.status, length: text.length, ...JSON.parse(text) };
};

describe("what no client means to send", () => {
  it.each([
    ["chat/completions", (deep: string) => `"messages":[${said}],"tools":[{"type":"function","function":{"name":"t","parameters":${deep}}}]`],
    ["responses", (deep: string) => `"input":"Hi","metadata":${deep}`],
    ["responses", (deep: string) => `"input":"Hi","text":{"format":{"type":"json_schema","name":"a","schema":${deep}}}`],
    ["messages", (deep: string) => `"max_tokens":5,"messages":[${said}],"tools":[{"name":"t","input_schema":${deep}}]`],
    ["embeddings", (deep: string) => `"input":${deep}`],
  ])("is refused by %s where it is nested without end, and the next request is answered", async (path, fields) => {
    await using api = await setUp(says("Hello."));
    for (const levels of [1_000, 100_000]) {
      const answer = await post(api, path, `{${model},${fields(nested(levels))}}`);
      expect(answer).toMatchObject({ status: 400, error: { type: "invalid_request_error", message: expect.stringContaining("nested deeper") } });
    }
    expect(await post(api, "chat/completions", `{${model},"messages":[${said}]}`)).toMatchObject({ status: 200 });
  });

  it("is shown to the model as text where a call's arguments are nested without end", async () => {
    await using api = await setUp(says("Hello."));
    const deep = nested(100_000);
    const call = `{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"t","arguments":${JSON.stringify(deep)}}}]}`;
    const answer = await post(api, "chat/completions", `{${model},"messages":[${said},${call},{"role":"tool","tool_call_id":"a","content":"1"}]}`);
    expect(answer.status).toBe(200);
    expect(api.seen[0].messages[1].content[0].args).toEqual({ arguments: deep });
  });

  it("is not sent back whole in the words of its refusal", async () => {
    await using api = await setUp(says("Hello."));
    const type = "x".repeat(1_000_000);
    for (const [path, fields] of [
      ["chat/completions", `"messages":[{"role":"user","content":[{"type":"${type}"}]}]`],
      ["responses", `"input":[{"type":"${type}"}]`],
      ["messages", `"max_tokens":5,"messages":[{"role":"user","content":[{"type":"${type}"}]}]`],
    ] as const) {
      const answer = await post(api, path, `{${model},${fields}}`);
      expect(answer.status).toBe(400);
      expect(answer.length).toBeLessThan(5_000);
    }
  });

  it("is refused where one answer holds more calls than any model makes, in every dialect", async () => {
    await using api = await setUp(says("Hello."));
    const many = (one: string) => Array.from({ length: 60_000 }, () => one).join(",");
    for (const [path, fields] of [
      [
        "chat/completions",
        `"messages":[${said},{"role":"assistant","tool_calls":[${many('{"id":"a","function":{"name":"t","arguments":"{}"}}')}]},${said}]`,
      ],
      [
        "messages",
        `"max_tokens":5,"messages":[${said},{"role":"assistant","content":[${many('{"type":"tool_use","id":"a","name":"t","input":{}}')}]},${said}]`,
      ],
      [
        "responses",
        `"input":[${many('{"type":"function_call","call_id":"a","name":"t","arguments":"{}"}')
          .slice(0, 600_000)
          .replace(/,[^}]*$|,\{[^}]*$/, "")}]`,
      ],
    ] as const) {
      const answer = await post(api, path, `{${model},${fields}}`);
      expect(answer, path).toMatchObject({
        status: 400,
        error: { type: "invalid_request_error", message: expect.stringMatching(/more than 1024 calls/) },
      });
    }
    expect(api.seen).toEqual([]);
    expect(await post(api, "chat/completions", `{${model},"messages":[${said}]}`)).toMatchObject({ status: 200 });
  });
});

describe("a model that calls without end", () => {
  const call = { type: "tool-call" as const, call: { type: "tool-call" as const, id: "a", name: "t", args: {} } };
  const calling = (count: number) =>
    async function* () {
      for (let at = 0; at < count; at++) yield call;
      yield { type: "end" as const, reason: "tool-calls" as const };
    };

  it("is told apart from one that makes many calls under one id", async () => {
    await using api = await setUp(calling(1_000), calling(100_000), says("Hello."));
    const ask = () => post(api, "chat/completions", `{${model},"messages":[${said}]}`);
    const ids = (await ask()).choices[0].message.tool_calls.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(1_000);
    expect(await ask()).toMatchObject({ status: 502, error: { code: "PLINTH_MODEL_STREAM", message: expect.stringContaining("1024 tools") } });
    expect(await ask()).toMatchObject({ status: 200 });
  });
});
