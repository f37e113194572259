import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import tools from "../../tools/catalog/index.ts";
import toolsManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import policy from "../../tools/policy/index.ts";
import policyManifest from "../../tools/policy/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, runTurn, says, scriptedModel, scriptedTool, text } from "./scripted.testing.ts";

let host: TestHost | undefined;
afterEach(() => host?.close());

const ran: string[] = [];
const tool = (id: string) => scriptedTool(id, ["read"], () => text(`${ran.push(id)}`));

async function start(model: ReturnType<typeof scriptedModel>, config: object, more: object = {}): Promise<void> {
  ran.length = 0;
  const knows = knowsModels();
  const [kernel, ...others] = knows.provide;
  const snapshot = () => ({
    config: { version: 1, extensions: { "plinth.tool-policy": { config } } },
    grants: new Map(),
    secretExists: async () => false,
  });
  const searched = { ...tool("deep"), descriptor: { description: "Does deep.", input: { type: "object" }, effects: ["read"], deferred: true } };
  host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: toolsManifest, extension: tools },
      { manifest: policyManifest, extension: policy, config },
      ...knows.extensions,
    ],
    provide: [model, tool("look"), tool("exec"), searched, ...others, { ...kernel!, provider: { snapshot } as never }],
    ...more,
  });
}

const resultsOf = (items: any[]): string[] =>
  items.flatMap(({ type, message }) =>
    type === "message" && message.role === "tool" ? message.content.map(({ content }: any) => content[0].text) : [],
  );

it("a model is not told of what is taken away, and hears that it may not where it calls it all the same", async () => {
  const model = scriptedModel([calls(["a", "exec"], ["b", "deep"], ["c", "look"], ["d", "none"]), says("ok")]);
  await start(model, { deny: ["exec", "deep"] });
  const results = resultsOf(await runTurn(host!));
  expect(model.seen[0]?.tools?.map(({ name }) => name)).toEqual(["look"]);
  expect(results).toEqual([
    'You may not use the tool "exec" here (house: deny exec). Go on without it. (PLINTH_TOOL_DENIED)',
    'You may not use the tool "deep" here (house: deny deep). Go on without it. (PLINTH_TOOL_DENIED)',
    "1",
    expect.stringContaining('There is no tool "none".'),
  ]);
  expect(ran).toEqual(["look"]);
});

it("the rules of the model that answers hold, also for what the search finds", async () => {
  const model = scriptedModel([calls(["a", "tool_search", { query: "deep" }]), calls(["b", "deep"]), says("ok")]);
  await start(model, { models: { scripted: { deny: ["look"] } } });
  const results = resultsOf(await runTurn(host!));
  expect(model.seen[0]?.tools?.map(({ name }) => name)).toEqual(["exec", "tool_search"]);
  expect(results[0]).toContain("deep");
  expect(ran).toEqual(["deep"]);
});
