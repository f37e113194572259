import { createTestHost, describeConformance, modelProviderConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

const open = async () => {
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  return { provider: host.use("plinth.model-provider").get("__NAME__"), close: () => host.close() };
};
const ask = (text: string, model = "echo") => ({ model, messages: [{ role: "user" as const, content: [{ type: "text" as const, text }] }] });

describe("the model provider __NAME__", () => {
  it("says the newest message again", async () => {
    const { provider, close } = await open();
    let text = "";
    for await (const event of provider.stream(ask("good morning, Ada"))) if (event.type === "text") text += event.delta;
    expect(text).toBe("good morning, Ada");
    await close();
  });
});

// What every model provider must do, whatever it talks to.
describeConformance({ describe, it }, "__NAME__", modelProviderConformance, {
  open,
  good: ask("one two three"),
  bad: ask("one", "no-such-model"),
});
