import type { ModelMessage } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { knowsModels, says, scriptedModel } from "../../agents/native/scripted.testing.ts";
import api from "../api-openai-chat/index.ts";
import apiManifest from "../api-openai-chat/plinth.json" with { type: "json" };

let host: TestHost;
afterEach(() => host.close());

const messages: ModelMessage[] = [
  { role: "user", content: [{ type: "text", text: "half \ud83d" }] },
  { role: "assistant", content: [{ type: "tool-call", id: "x".repeat(60), name: "look", args: {} }] },
  { role: "tool", content: [{ type: "tool-result", callId: "nobody", name: "look", content: [] }] },
  { role: "assistant", content: [{ type: "text", text: "" }] },
];

it("what is changed on the way out is that of the model's protocol, and what every server needs where it has none", async () => {
  const knows = knowsModels({ servers: { work: { baseUrl: "http://127.0.0.1:1/v1", models: ["m"], defaultModel: "m" } } });
  host = await createTestHost({
    extensions: [...knows.extensions, { manifest: apiManifest, extension: api }],
    provide: [...knows.provide, scriptedModel([says("x")])],
  });
  const models = host.use("plinth.models").one();
  const codes = async (model: string) => {
    const { name, repairs } = await models.repairs({ model, messages });
    return [name, ...repairs.map(({ code, message }) => `${code} ${message}`)];
  };
  // The id is too long for chat completions, whose last message is nobody's but a user's or a tool's.
  expect(await codes("work/m")).toEqual(["work/m", "text 0", "orphan-result 2", "call-id 1", "unanswered-call 1", "empty 3"]);
  expect(await codes("scripted/m")).toEqual(["scripted/m", "text 0", "orphan-result 2", "unanswered-call 1", "empty 3"]);
});
