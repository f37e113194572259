import { LLMock } from "@copilotkit/aimock";
import { describeConformance, hostileModelConformance, modelApiConformance, ollamaServer } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { endpointOf, openApi } from "./opened.testing.ts";

const tools = [{ name: "dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const text = (one: string) => ({ role: "user" as const, content: [{ type: "text" as const, text: one }] });
const good = { model: "llama3", system: [{ type: "text" as const, text: "Be kind." }], messages: [text("hello")], maxOutputTokens: 100 };
const unsupported = { model: "llama3", messages: [text("hello")], serverTools: [{ id: "web-search" }] };

// Against a server that somebody else wrote.
describeConformance({ describe, it }, "Ollama with aimock", modelApiConformance, {
  good,
  unsupported,
  toolCall: { model: "llama3", messages: [text("roll")], tools },
  bad: { model: "llama3", messages: [text("no fixture answers this")] },
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    // A result stands last, and has no id in this protocol.
    mock.addFixture({
      match: { predicate: ({ messages }: any) => messages.at(-1)?.role === "tool" },
      response: { content: "You rolled 42." },
    } as never);
    mock.addFixture({
      match: { predicate: ({ tools, messages }: any) => !tools?.length && JSON.stringify(messages).includes("roll") },
      response: { content: "I may not." },
    } as never);
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    mock.onMessage("roll", { toolCalls: [{ name: "dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(mock.url), close: () => host.close().then(() => mock.stop()) };
  },
});

describeConformance({ describe, it }, "Ollama with a scripted server", modelApiConformance, {
  good,
  unsupported,
  image: { model: "llama3", messages: [{ role: "user", content: [{ type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" }] }] },
  open: async () => {
    const server = await ollamaServer({ models: ["llama3", "b"] });
    server.script({ say: [{ reasoning: "hm" }, { text: "Hello" }, { text: " there" }], usage: { inputTokens: 1, outputTokens: 2 } });
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(server.url), close: () => host.close().then(() => server.close()) };
  },
});

describeConformance({ describe, it }, "Ollama with a hostile server", hostileModelConformance, {
  ask: { ...good, tools },
  open: async () => {
    const server = await ollamaServer({ models: ["llama3"] });
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(server.url), server, close: () => host.close().then(() => server.close()) };
  },
});
