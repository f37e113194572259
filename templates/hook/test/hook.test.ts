import { createTestHost, describeConformance, transformHookConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

const payload = (text: string) => ({ sessionKey: "main", runId: "run-1", surface: "test", text });
const open = async () => {
  const host = await createTestHost({ extensions: [{ manifest, extension, config: { words: ["swordfish"] } }] });
  return { host, close: () => host.close() };
};

describe("__NAME__", () => {
  it("blots out the configured words, in any case", async () => {
    const { host, close } = await open();
    const { text } = await host.fire("message.sending", payload("It is Swordfish, as in swordfish."));
    expect(text).toBe("It is █████████, as in █████████.");
    await close();
  });
});

// What every subscriber of a transforming hook must do.
describeConformance({ describe, it }, "__NAME__", transformHookConformance, {
  open,
  hook: "message.sending",
  changed: payload("the swordfish"),
  unchanged: payload("good morning"),
});
