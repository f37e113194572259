import type { InboundItem } from "@plinth/sdk";
import { channelConformance, createTestHost, describeConformance } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import extension from "../src/index.ts";
import manifest from "../plinth.json" with { type: "json" };
import { TestChatServer } from "./chat-server.testing.ts";

// The server of the test lies on this machine, which the manifest does not name.
const here = { ...manifest, permissions: { ...manifest.permissions, net: ["loopback"] } };
const ada = { channel: "__NAME__", account: "default", peer: { kind: "person" as const, id: "ada" } };
const text = (value: string) => [{ type: "text" as const, text: value }];

async function open() {
  const server = await TestChatServer.start();
  const delivered: InboundItem[] = [];
  const reported: { state: string }[] = [];
  const inbox = {
    deliver: ({ item }: { item: InboundItem }) => {
      delivered.push(item);
      return { result: "accepted" };
    },
    report: (input: { state: string }) => {
      reported.push(input);
      return {};
    },
  };
  const host = await createTestHost({
    extensions: [{ manifest: here, extension, config: { server: server.url } }],
    provide: [{ contract: "plinth.inbox", provider: inbox as never }],
  });
  return {
    channel: host.use("plinth.channel").get("__NAME__"),
    server,
    arrived: () => server.posted.length,
    write: (words: string) => server.write({ from: "ada", text: words }),
    repeat: () => server.repeat(),
    drop: () => server.drop(),
    delivered: () => delivered,
    reported: () => reported,
    close: async () => {
      await host.close();
      await server.close();
    },
  };
}

describe("the channel __NAME__", () => {
  it("brings what is written in a room with the room's address, and sends there", async () => {
    const { channel, server, delivered, close } = await open();
    await channel.connect({ account: "default" });
    server.write({ from: "ada", room: "kitchen", mention: true, text: "hello" });
    while (delivered().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [item] = delivered();
    expect(item?.address.peer).toEqual({ kind: "group", id: "kitchen" });
    expect([item?.sender?.id, item?.kind === "message" && item.mentionsMe]).toEqual(["ada", true]);
    await channel.send({ to: item!.address, content: text("hi"), key: "k1" });
    expect(server.posted).toEqual([{ to: "kitchen", text: "hi", key: "k1" }]);
    await close();
  });

  it("brings a picture by its address, and its bytes when they are asked for; and sends one", async () => {
    const { channel, server, delivered, close } = await open();
    await channel.connect({ account: "default" });
    const image = { url: `${server.url}/pictures/1`, mimeType: "image/png" };
    server.write({ from: "ada", text: "look", image });
    while (delivered().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const [item] = delivered();
    expect(item?.kind === "message" && item.content).toEqual([...text("look"), { type: "image", ...image }]);
    let bytes = "";
    for await (const { base64 } of channel.fetchMedia({ account: "default", ref: image.url })) bytes += Buffer.from(base64, "base64").toString();
    expect(bytes).toBe("not much of a picture");
    const elsewhere = channel.fetchMedia({ account: "default", ref: "http://127.0.0.1:9/secret" })[Symbol.asyncIterator]();
    await expect(elsewhere.next()).rejects.toMatchObject({ code: "PLINTH_CHANNEL_UNSUPPORTED" });
    await channel.send({ to: ada, content: [{ type: "image", mimeType: "image/png", base64: "AAAA" }], key: "k1" });
    expect(server.posted).toEqual([{ to: "ada", text: "", key: "k1", image: { base64: "AAAA", mimeType: "image/png" } }]);
    await close();
  });

  it("says what a refusal means: whether to try again, when, or not at all", async () => {
    const { channel, server, close } = await open();
    const send = (status: number) => {
      server.refuse(status);
      return channel.send({ to: ada, content: text("x"), key: `k${status}` }).then(
        ({ failed }) => failed?.code ?? "sent",
        (error: { code: string }) => error.code,
      );
    };
    expect(await send(401)).toBe("PLINTH_CHANNEL_AUTH");
    expect(await send(404)).toBe("PLINTH_CHANNEL_GONE");
    expect(await send(429)).toBe("PLINTH_CHANNEL_RATE");
    expect(await send(503)).toBe("PLINTH_CHANNEL_DOWN");
    await close();
  });
});

// What every channel must do, whatever it connects to.
describeConformance({ describe, it }, "__NAME__", channelConformance, {
  open,
  message: { to: ada, content: text("good morning") },
  bad: { to: { ...ada, peer: { kind: "person", id: "nobody" } }, content: text("good morning") },
  idempotent: true,
  receives: true,
  drops: true,
});
