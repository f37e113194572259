import { LLMock } from "@copilotkit/aimock";
import { describeConformance, hostileModelConformance, modelApiConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { endpointAt, request, subject, user } from "./bedrock.testing.ts";

const tools = [{ name: "dice", description: "Rolls a die.", input: { type: "object", properties: { sides: { type: "integer" } } } }];
const asked = {
  good: request({ system: [{ type: "text", text: "Be kind." }], maxOutputTokens: 100 }),
  toolCall: request({ messages: [user("roll")], tools }),
  image: request({ messages: [user("hello", { type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" })] }),
  unsupported: request({ seed: 7 }),
};

describeConformance({ describe, it }, "bedrock-converse", modelApiConformance, {
  open: async () => {
    const { api, endpoint, server, close } = await subject({ models: ["a", "b", "c"], profiles: ["us.a", "us.b", "us.c"] });
    // The server answers by what it is asked, as a model does.
    const stream: typeof api.stream = (input, options) => {
      const { messages, toolChoice, tools: offered } = input.request;
      if (JSON.stringify(messages).includes("refuse me")) server.script({ refuse: { status: 400, body: { message: "No." } } });
      else if (offered !== undefined && toolChoice !== "none" && messages.at(-1)?.role === "user")
        server.script({ say: [{ call: { name: "dice", args: { sides: 20 } } }] });
      else server.script({ say: [{ text: "Hello!" }], usage: { inputTokens: 5, outputTokens: 6 } });
      return api.stream(input, options);
    };
    return { api: { models: api.models, countTokens: api.countTokens, stream } as typeof api, endpoint, close };
  },
  ...asked,
  bad: request({ messages: [user("refuse me")] }),
});

// Against a server that somebody else wrote. It has no list of models.
describeConformance({ describe, it }, "bedrock-converse with aimock", modelApiConformance, {
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    mock.onMessage("roll", { toolCalls: [{ name: "dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { api, close } = await subject();
    // As models do that are offered no tools, which this one does not read.
    const stream: typeof api.stream = (input, options) => {
      if (input.request.toolChoice === "none") mock.clearFixtures().onMessage("roll", { content: "I may not." });
      return api.stream(input, options);
    };
    return {
      api: { models: api.models, countTokens: api.countTokens, stream } as typeof api,
      endpoint: endpointAt(mock.url, { quirks: { noModels: true }, models: [{ id: "a" }] }),
      close: async () => {
        await close();
        await mock.stop();
      },
    };
  },
  ...asked,
  bad: request({ messages: [user("no fixture answers this")] }),
});

describeConformance({ describe, it }, "bedrock-converse with a hostile server", hostileModelConformance, { open: subject, ask: asked.toolCall });
