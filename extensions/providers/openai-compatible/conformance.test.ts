import { LLMock } from "@copilotkit/aimock";
import { describeConformance, modelProviderConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { hostFor } from "./scripted-server.testing.ts";

const tools = [{ name: "dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } }];

// Against a server that somebody else wrote.
describeConformance({ describe, it }, "openai-compatible with aimock", modelProviderConformance, {
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    // As servers do that keep to `tool_choice`.
    mock.addFixture({ match: { userMessage: "roll", predicate: ({ tool_choice }) => tool_choice === "none" }, response: { content: "I may not." } });
    mock.onMessage("roll", { toolCalls: [{ name: "dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const host = await hostFor(`${mock.url}/v1`);
    return {
      provider: host.use("plinth.model-provider").get("openai"),
      close: async () => {
        await host.close();
        await mock.stop();
      },
    };
  },
  good: {
    model: "gpt-4o-mini",
    system: [{ type: "text", text: "Be kind." }],
    messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
    maxOutputTokens: 100,
  },
  toolCall: { model: "gpt-4o-mini", messages: [{ role: "user", content: [{ type: "text", text: "roll" }] }], tools },
  image: {
    model: "gpt-4o-mini",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "hello" },
          { type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" },
        ],
      },
    ],
  },
  unsupported: {
    model: "gpt-4o-mini",
    messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
    serverTools: [{ id: "web-search" }],
  },
  bad: { model: "gpt-4o-mini", messages: [{ role: "user", content: [{ type: "text", text: "no fixture answers this" }] }] },
});
