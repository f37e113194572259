import { chatCommandConformance, createTestHost, describeConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

const open = async () => {
  const host = await createTestHost({ extensions: [{ manifest, extension }], principal: { role: "owner", via: "test" } });
  return { command: host.use("plinth.chat-command").get("__NAME__"), close: () => host.close() };
};

describe("/__NAME__", () => {
  it("keeps notes and shows them", async () => {
    const { command, close } = await open();
    const say = async (args: string) => {
      let text = "";
      for await (const item of command.run({ args, sessionKey: "main" })) if ("text" in item) text += item.text;
      return text;
    };
    expect(await say("list")).toBe("There are no notes.");
    await say("add buy milk");
    await say("add call Ada");
    expect(await say("")).toBe("1. buy milk\n2. call Ada");
    await say("clear");
    expect(await say("list")).toBe("There are no notes.");
    await close();
  });
});

// What every chat command must do, whatever it is for.
describeConformance({ describe, it }, "/__NAME__", chatCommandConformance, { open, args: "list", bad: "frobnicate" });
