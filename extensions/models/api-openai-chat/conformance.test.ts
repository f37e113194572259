import { LLMock } from "@copilotkit/aimock";
import { describeConformance, hostileModelConformance, modelApiConformance, openaiChatServer } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { endpointOf, openApi } from "./opened.testing.ts";

const tools = [{ name: "dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const text = (one: string) => ({ role: "user" as const, content: [{ type: "text" as const, text: one }] });
const requests = {
  good: { model: "gpt-4o-mini", system: [{ type: "text" as const, text: "Be kind." }], messages: [text("hello")], maxOutputTokens: 100 },
  toolCall: { model: "gpt-4o-mini", messages: [text("roll")], tools },
  image: {
    model: "gpt-4o-mini",
    messages: [
      { role: "user" as const, content: [...text("hello").content, { type: "image" as const, mimeType: "image/png", base64: "iVBORw0KGgo=" }] },
    ],
  },
  unsupported: { model: "gpt-4o-mini", messages: [text("hello")], serverTools: [{ id: "web-search" }] },
  bad: { model: "gpt-4o-mini", messages: [text("no fixture answers this")] },
};

// Against a server that somebody else wrote.
describeConformance({ describe, it }, "chat completions with aimock", modelApiConformance, {
  ...requests,
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    // As servers do that keep to `tool_choice`.
    mock.addFixture({ match: { userMessage: "roll", predicate: ({ tool_choice }) => tool_choice === "none" }, response: { content: "I may not." } });
    mock.onMessage("roll", { toolCalls: [{ name: "dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(mock.url), close: () => host.close().then(() => mock.stop()) };
  },
});

describeConformance({ describe, it }, "chat completions with a scripted server", modelApiConformance, {
  good: requests.good,
  image: requests.image,
  unsupported: requests.unsupported,
  open: async () => {
    const server = await openaiChatServer({ models: ["a", "b"] });
    server.script({ say: [{ reasoning: "hm" }, { text: "Hello" }, { text: " there" }], usage: { inputTokens: 1, outputTokens: 2 } });
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(server.url), close: () => host.close().then(() => server.close()) };
  },
});

describeConformance({ describe, it }, "chat completions with a hostile server", hostileModelConformance, {
  ask: requests.toolCall,
  open: async () => {
    const server = await openaiChatServer();
    const { host, api } = await openApi();
    return { api, endpoint: endpointOf(server.url), server, close: () => host.close().then(() => server.close()) };
  },
});
