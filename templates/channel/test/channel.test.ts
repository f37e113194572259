import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { channelConformance, createTestHost, describeConformance } from "@plinth/sdk/testing";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";
import { TestChatServer } from "./chat-server.testing.ts";

// The server of the test lies on this machine, which the manifest does not name.
const here = { ...manifest, permissions: { ...manifest.permissions, net: ["loopback"] } };

async function open() {
  const server = await TestChatServer.start();
  const asked: { text: string; sender?: string }[] = [];
  const turns = {
    async *submit(input: { text: string; sender?: string }) {
      asked.push(input);
      yield { type: "end" as const, status: "ok" as const, text: `You said: ${input.text}` };
    },
  };
  const host = await createTestHost({
    extensions: [{ manifest: here, extension, config: { server: server.url } }],
    provide: [{ contract: "plinth.turns", provider: turns as never }],
  });
  const close = async () => {
    await host.close();
    await server.close();
  };
  return { channel: host.use("plinth.channel").get("__NAME__"), server, asked, close };
}

describe("the channel __NAME__", () => {
  it("answers who writes there, as a guest", async () => {
    const { channel, server, asked, close } = await open();
    await channel.connect({});
    server.write("ada", "hello");
    while (server.posted.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(server.posted, [{ to: "ada", text: "You said: hello" }]);
    assert.equal(asked[0]?.sender, "ada");
    await channel.disconnect({});
    await close();
  });
});

// What every channel must do, whatever it connects to.
describeConformance({ describe, it }, "__NAME__", channelConformance, {
  open,
  message: { to: "ada", text: "good morning" },
});
