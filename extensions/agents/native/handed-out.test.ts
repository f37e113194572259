import type { ModelMessage } from "@plinth/sdk";
import { createTestHost } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import tools from "../../tools/catalog/index.ts";
import toolsManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, type Script, says, scriptedModel, scriptedTool, text } from "./scripted.testing.ts";

const history: ModelMessage[] = [{ role: "user", content: [{ type: "text", text: "hi" }] }];
const weather = { name: "weather", description: "Tells the weather.", input: { type: "object" } };

async function turn(scripts: Script[], asked: object) {
  const ran: string[] = [];
  const model = scriptedModel(scripts);
  const own = (id: string) =>
    scriptedTool(id, ["read"], () => {
      ran.push(id);
      return text(`by ${id}`);
    });
  const knows = knowsModels();
  await using host = await createTestHost({
    extensions: [{ manifest, extension }, { manifest: toolsManifest, extension: tools }, ...knows.extensions],
    provide: [model, own("read"), own("weather"), ...knows.provide],
  });
  const items: any[] = [];
  const input = { runId: "r", sessionKey: "s", workspace: "/w", model: "auto", system: [], history, ...asked };
  for await (const item of host.use("plinth.harness").get("native").run(input)) items.push(item);
  return { items, done: items.at(-1), ran, seen: model.seen as any[] };
}

describe("tools of whoever asks", () => {
  it("end the turn with their calls; the host's own calls of the same answer run", async () => {
    const { items, done, ran, seen } = await turn([calls(["a", "read"], ["b", "weather", { city: "Wien" }])], { tools: [weather] });
    expect(ran).toEqual(["read"]);
    expect(done).toMatchObject({ type: "done", reason: "tool-calls", calls: [{ id: "b", name: "weather", args: { city: "Wien" } }] });
    expect(items.filter(({ type }) => type === "tool-start").map(({ name }) => name)).toEqual(["read"]);
    expect(seen).toHaveLength(1);
  });

  it("stand for the host's tool of the same name", async () => {
    const { seen } = await turn([says("ok")], { tools: [weather] });
    expect(seen[0].tools.map(({ name }: { name: string }) => name)).toEqual(["read", "weather"]);
    expect(seen[0].tools[1]).toEqual(weather);
  });

  it("and options reach the model; a call that has to be made is asked for once", async () => {
    const options = { temperature: 0.3, stop: ["x"], toolChoice: "required", thinking: { effort: "low" } };
    const { seen, done } = await turn([calls(["a", "read"]), says("ok")], { options });
    expect(done).toMatchObject({ text: "ok" });
    expect(seen).toMatchObject([{ ...options }, { temperature: 0.3, stop: ["x"] }]);
    expect(seen[1]).not.toHaveProperty("toolChoice");
  });
});
