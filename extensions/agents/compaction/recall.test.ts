import { type ToolResult, textOf } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import sessions from "../sessions/index.ts";
import sessionsManifest from "../sessions/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

let host: TestHost;
afterEach(() => host.close());

const owner = { role: "owner", via: "test" } as const;

async function start(): Promise<void> {
  host = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: sessionsManifest, extension: sessions },
    ],
    principal: owner,
  });
}

const store = () => host.use("plinth.session-store").one();
const say = (text: string, key = "s") =>
  store().append({ key, bodies: [{ kind: "message", message: { role: "user", content: [{ type: "text", text }] } }] });
const recall = (args: Record<string, unknown>, sessionKey = "s"): Promise<ToolResult> =>
  host.use("plinth.tool").get("recall").call({ args, sessionKey });

describe("recall", () => {
  it("finds what was said, also where not all of the words were, and in this conversation alone", async () => {
    await start();
    await say("The boat is called Kestrel.");
    await say("Kestrel is also a bird.", "other");
    for (const words of ["boat Kestrel", "what is the name of the boat"]) {
      const found = await recall({ words });
      expect(textOf(found.content)).toContain("user: The boat is called Kestrel.");
      expect(textOf(found.content)).not.toContain("bird");
      expect(found.outside).toBeUndefined();
    }
    expect(textOf((await recall({ words: "submarine" })).content)).toContain("Nothing of that was said");
  });

  it("gives a result that was left out, piece by piece", async () => {
    await start();
    const text = `begin ${"x".repeat(6_000)} end`;
    await store().append({
      key: "s",
      bodies: [
        { kind: "message", message: { role: "assistant", content: [{ type: "tool-call", id: "c1", name: "read", args: {} }] } },
        {
          kind: "message",
          message: { role: "tool", content: [{ type: "tool-result", callId: "c1", name: "read", content: [{ type: "text", text }] }] },
        },
      ],
    });
    await say("on");
    const first = textOf((await recall({ call: "c1" })).content);
    expect(first).toMatch(/^begin x+\n\[Characters 0 to 4000 of 6010; go on with {"offset":4000}\.\]$/);
    expect(textOf((await recall({ call: "c1", offset: 4_000 })).content)).toMatch(/^x+ end$/);
    expect(await recall({ call: "c2" })).toMatchObject({ isError: true });
  });

  it("tells whose words it finds, and whoever had a hand in them has one in the turn", async () => {
    await start();
    await host.as({ role: "guest", via: "telegram" }, () => say("the boat is sunk"));
    await host.as(owner, async () => {
      const found = await recall({ words: "boat" });
      expect(found.outside).toBe(true);
      expect(textOf(found.content)).toContain("user [From telegram, not from the owner.]: the boat is sunk");
      expect(host.influences()).toMatchObject([{ party: "guest:telegram" }]);
    });
  });

  it("searches no other conversation than that of the work", async () => {
    await start();
    await say("secret plan");
    await host.as({ role: "guest", via: "acme", scope: { session: "mine" } }, async () => {
      await expect(recall({ words: "plan" })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    });
  });
});
