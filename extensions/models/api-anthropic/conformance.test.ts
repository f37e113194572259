import { LLMock } from "@copilotkit/aimock";
import { describeConformance, hostileModelConformance, modelApiConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { endpointAt, request, subject, user } from "./anthropic.testing.ts";

const tools = [{ name: "dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const asked = {
  good: request({ system: [{ type: "text", text: "Be kind." }], maxOutputTokens: 100 }),
  toolCall: request({ messages: [user("roll")], tools }),
  image: request({ messages: [user("hello", { type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" })] }),
  unsupported: request({ seed: 7 }),
};

describeConformance({ describe, it }, "anthropic-messages", modelApiConformance, {
  open: async () => {
    const { api, endpoint, server, close } = await subject({ models: ["a", "b", "c"], page: 2 });
    // The server answers by what it is asked, as a model does.
    server.script({ say: [{ text: "Hello! " }, { text: "How can I help you?" }], usage: { inputTokens: 5, outputTokens: 6 } });
    const stream: typeof api.stream = (input, options) => {
      const { messages, toolChoice, tools: offered } = input.request;
      if (JSON.stringify(messages).includes("refuse me")) {
        server.script({ refuse: { status: 400, body: { type: "error", error: { type: "invalid_request_error", message: "No." } } } });
        return api.stream(input, options);
      }
      const rolls = offered !== undefined && toolChoice !== "none" && messages.at(-1)?.role === "user";
      server.script(
        rolls
          ? { say: [{ call: { name: "dice", args: { sides: 20 } } }] }
          : { say: [{ text: "Hello!" }], usage: { inputTokens: 5, outputTokens: 6 } },
      );
      return api.stream(input, options);
    };
    return { api: { models: api.models, countTokens: api.countTokens, stream } as typeof api, endpoint, close };
  },
  ...asked,
  bad: request({ messages: [user("refuse me")] }),
});

// Against a server that somebody else wrote.
describeConformance({ describe, it }, "anthropic-messages with aimock", modelApiConformance, {
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    mock.onMessage("roll", { toolCalls: [{ name: "dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { api, close } = await subject();
    // As servers do that keep to `tool_choice`, which this one does not read.
    const stream: typeof api.stream = (input, options) => {
      if (input.request.toolChoice === "none") mock.clearFixtures().onMessage("roll", { content: "I may not." });
      return api.stream(input, options);
    };
    return {
      api: { models: api.models, countTokens: api.countTokens, stream } as typeof api,
      endpoint: endpointAt(mock.url, { quirks: { noCount: true } }),
      close: async () => {
        await close();
        await mock.stop();
      },
    };
  },
  ...asked,
  bad: request({ messages: [user("no fixture answers this")] }),
});

describeConformance({ describe, it }, "anthropic-messages with a hostile server", hostileModelConformance, { open: subject, ask: asked.toolCall });
