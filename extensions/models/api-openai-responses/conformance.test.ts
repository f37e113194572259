import { LLMock } from "@copilotkit/aimock";
import {
  type AskedRequest,
  describeConformance,
  hostileModelConformance,
  modelApiConformance,
  modelServer,
  openaiResponsesServer,
  openaiResponsesWire,
  type ScriptedAnswer,
} from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import { ask, dice, opened } from "./api.testing.ts";

const subject = {
  good: ask("hello", { system: [{ type: "text", text: "Be kind." }], maxOutputTokens: 100 }),
  toolCall: ask("roll", { tools: [dice] }),
  image: ask("hello", {
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "hello" },
          { type: "image", mimeType: "image/png", base64: "iVBORw0KGgo=" },
        ],
      },
    ],
  }),
  unsupported: ask("hello", { seed: 7, stop: ["END"] }),
};

/** As a model that keeps to its instructions. */
function answerTo({ body }: AskedRequest): ScriptedAnswer {
  const results = body.input.filter(({ type }: any) => type === "function_call_output");
  if (results.length > 0) return { say: [{ text: `You rolled ${results[0].output}.` }] };
  if (body.tools?.length > 0 && body.tool_choice !== "none")
    return { say: [{ reasoning: "A die." }, { call: { name: "game_dice", args: { sides: 20 } } }] };
  return { say: [{ text: "Hello! " }, { text: "What shall we do?" }], usage: { inputTokens: 9, outputTokens: 4 } };
}

describeConformance({ describe, it }, "openai-responses with a server from the published format", modelApiConformance, {
  ...subject,
  open: async () => {
    const wire = {
      ...openaiResponsesWire,
      stream: (_: ScriptedAnswer, request: AskedRequest) => openaiResponsesWire.stream(answerTo(request), request),
    };
    const server = await modelServer(wire);
    const { host, api, endpoint } = await opened(`${server.url}/v1`);
    return { api, endpoint, close: () => host.close().then(server.close) };
  },
});

// Against a server that somebody else wrote.
describeConformance({ describe, it }, "openai-responses with aimock", modelApiConformance, {
  ...subject,
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    mock.addFixture({ match: { userMessage: "roll", predicate: ({ tool_choice }) => tool_choice === "none" }, response: { content: "I may not." } });
    mock.onMessage("roll", { toolCalls: [{ name: "game_dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { host, api, endpoint } = await opened(`${mock.url}/v1`);
    return { api, endpoint, close: () => host.close().then(() => mock.stop()) };
  },
  bad: ask("no fixture answers this"),
});

describeConformance({ describe, it }, "openai-responses with a hostile server", hostileModelConformance, {
  ask: ask("roll", { tools: [{ ...dice, name: "dice" }] }),
  open: async () => {
    const server = await openaiResponsesServer();
    const { host, api, endpoint } = await opened(`${server.url}/v1`);
    return { api, endpoint, server, close: () => host.close().then(server.close) };
  },
});
