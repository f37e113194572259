import { LLMock } from "@copilotkit/aimock";
import {
  type AskedRequest,
  describeConformance,
  geminiServer,
  geminiWire,
  hostileModelConformance,
  modelApiConformance,
  modelServer,
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
  unsupported: ask("hello", { serverTools: [{ id: "crystal-ball" }] }),
};

/** As a model that keeps to its instructions. */
function answerTo({ body }: AskedRequest): ScriptedAnswer {
  const result = body.contents.flatMap(({ parts }: any) => parts).find(({ functionResponse }: any) => functionResponse !== undefined);
  if (result !== undefined) return { say: [{ text: `You rolled ${result.functionResponse.response.output}.` }] };
  if (body.tools !== undefined && body.toolConfig?.functionCallingConfig.mode !== "NONE") {
    return { say: [{ reasoning: "A die.", opaque: "c2ln" }, { call: { name: "game_dice", args: { sides: 20 } } }] };
  }
  return { say: [{ text: "Hello! " }, { text: "What shall we do?" }], usage: { inputTokens: 9, outputTokens: 4 } };
}

describeConformance({ describe, it }, "gemini with a server from the published format", modelApiConformance, {
  ...subject,
  open: async () => {
    const wire = geminiWire();
    const server = await modelServer({ ...wire, stream: (_: ScriptedAnswer, request: AskedRequest) => wire.stream(answerTo(request), request) });
    const { host, api, endpoint } = await opened(`${server.url}/v1beta`);
    return { api, endpoint, close: () => host.close().then(server.close) };
  },
});

// Against a server that somebody else wrote. In this protocol it has no list of models, and does not read `toolConfig`.
const taken = modelApiConformance.filter(({ name }) => !/^(lists its models|calls no tool where none)/.test(name));
describeConformance({ describe, it }, "gemini with aimock", taken, {
  ...subject,
  open: async () => {
    const mock = new LLMock({ port: 0, strict: true, logLevel: "silent" });
    mock.addFixture({ match: { toolCallId: /.*/ } as never, response: { content: "You rolled 42." } });
    mock.onMessage("hello", { content: "Hello! How can I help you today, and what shall we do first?" });
    mock.onMessage("roll", { toolCalls: [{ name: "game_dice", arguments: '{"sides":20}' }] });
    await mock.start();
    const { host, api, endpoint } = await opened(`${mock.url}/v1beta`);
    return { api, endpoint, close: () => host.close().then(() => mock.stop()) };
  },
  bad: ask("no fixture answers this"),
});

describeConformance({ describe, it }, "gemini with a hostile server", hostileModelConformance, {
  ask: ask("roll", { tools: [{ ...dice, name: "dice" }] }),
  open: async () => {
    const server = await geminiServer();
    const { host, api, endpoint } = await opened(`${server.url}/v1beta`);
    return { api, endpoint, server, close: () => host.close().then(server.close) };
  },
});
