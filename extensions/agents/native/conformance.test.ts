import { createTestHost, describeConformance, harnessConformance } from "@plinth/sdk/testing";
import { describe, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { calls, knowsModels, says, scriptedModel, scriptedTool, text } from "./scripted.testing.ts";

const history = [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }];
const turn = { runId: "r", sessionKey: "s", workspace: "/w", model: "scripted/m", system: [], history };

describeConformance({ describe, it }, "native", harnessConformance, {
  open: async () => {
    const tool = scriptedTool("tool", [], () => text("ok"));
    const provide = [scriptedModel([says("Good ", "morning.")]), scriptedModel([calls(["a", "tool"]), says("ok")], { id: "calling" }), tool];
    const knows = knowsModels();
    const host = await createTestHost({ extensions: [{ manifest, extension }, ...knows.extensions], provide: [...provide, ...knows.provide] });
    return { harness: host.use("plinth.harness").get("native"), close: () => host.close() };
  },
  turn,
  bad: { ...turn, model: "nobody/none" },
  limited: { ...turn, model: "calling/m", limits: { toolCalls: 0 } },
  descriptor: manifest.provides[0]!.descriptor as object,
});
