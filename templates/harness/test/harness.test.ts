import type { ModelEvent } from "@plinth/sdk";
import { createTestHost, describeConformance, harnessConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

/** A model that answers as it is told to. */
const model = {
  status: () => ({ ready: true, defaultModel: "small" }),
  models: () => ({ models: [{ id: "small" }] }),
  async *stream(): AsyncGenerator<ModelEvent> {
    for (const delta of ["Good ", "morning."]) yield { type: "text", delta };
    yield { type: "usage", usage: { inputTokens: 3, outputTokens: 2 } };
    yield { type: "end", reason: "stop" };
  },
};
const open = async () => {
  const host = await createTestHost({
    extensions: [{ manifest, extension }],
    provide: [{ contract: "plinth.model-provider", id: "scripted", descriptor: { title: "Scripted", priority: 1 }, provider: model as never }],
  });
  return { harness: host.use("plinth.harness").get("__NAME__"), close: () => host.close() };
};
const turn = (wanted: string) => ({
  sessionKey: "main",
  runId: "run-1",
  workspace: "/nowhere",
  model: wanted,
  system: ["Be brief."],
  history: [{ role: "user" as const, content: [{ type: "text" as const, text: "hello" }] }],
});

describe("the harness __NAME__", () => {
  it("says which model answered, and what it cost", async () => {
    const { harness, close } = await open();
    let last: unknown;
    for await (const item of harness.run(turn("auto"))) last = item;
    expect(last).toEqual({ type: "done", text: "Good morning.", model: "scripted/small", usage: { inputTokens: 3, outputTokens: 2 } });
    await close();
  });
});

// What every harness must do, however it works.
describeConformance({ describe, it }, "__NAME__", harnessConformance, { open, turn: turn("scripted/small"), bad: turn("nobody/none") });
