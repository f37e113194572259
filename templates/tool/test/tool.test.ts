import { createTestHost, describeConformance, toolConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

const open = async (config: object = {}) => {
  const host = await createTestHost({ extensions: [{ manifest, extension, config }] });
  return { tool: host.use("plinth.tool").get("__NAME__"), close: () => host.close() };
};

describe("the tool __NAME__", () => {
  it("greets by name", async () => {
    const { tool, close } = await open();
    expect(await tool.call({ args: { name: "Ada" } })).toEqual({ content: [{ type: "text", text: "Hello, Ada!" }] });
    await close();
  });

  it("uses the configured greeting", async () => {
    const { tool, close } = await open({ greeting: "Moin" });
    expect(await tool.call({ args: { name: "Ada" } })).toEqual({ content: [{ type: "text", text: "Moin, Ada!" }] });
    await close();
  });
});

// What every tool must do, whatever it is for.
describeConformance({ describe, it }, "__NAME__", toolConformance, {
  open,
  good: { args: { name: "Ada" } },
  bad: { args: { name: 7 } },
});
