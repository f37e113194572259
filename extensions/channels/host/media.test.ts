import type { TurnEvent } from "@plinth/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { message, type Options, startChannels, text } from "./channels.testing.ts";

let one: Awaited<ReturnType<typeof startChannels>>;
afterEach(() => one.host.close());
/** A channel with ada let in. */
const start = async (options: Options): Promise<void> => {
  one = await startChannels(options);
  await one.shell("channels.allow", { address: "chat/default/person/ada" });
};

describe("pictures and files", () => {
  const base64 = (value: string) => Buffer.from(value).toString("base64");
  const media = { in: ["image/*"], out: ["image/png"], maxBytes: 1_000 };
  const sends = (...content: object[]) => one.deliver(message("ada", "", { content: [...text("see"), ...content] } as object));

  it("that people send are kept, in their name, and referred to; what cannot be taken is named", async () => {
    const asked: string[] = [];
    const fetchMedia = async function* (ref: string) {
      asked.push(ref);
      if (ref.endsWith("huge")) for (let n = 0; n < 3; n++) yield { base64: base64("x".repeat(400)) };
      else yield { base64: base64("by address"), mimeType: "image/webp", name: "far.webp" };
    };
    await start({ descriptor: { media }, media: fetchMedia });
    await sends(
      { type: "image", mimeType: "image/png", base64: base64("inline"), name: "near.png" },
      { type: "image", mimeType: "image/*", url: "https://chat.example/far" },
      { type: "image", mimeType: "image/png", url: "https://chat.example/huge" },
      { type: "file", mimeType: "application/zip", url: "https://chat.example/zip", name: "a.zip" },
    );
    await one.until(() => one.submitted.length === 1);
    const by = "chat/default/person/ada";
    expect(one.kept).toEqual([
      { text: "inline", mimeType: "image/png", name: "near.png", by },
      { text: "by address", mimeType: "image/webp", name: "far.webp", by },
    ]);
    expect(asked).toEqual(["https://chat.example/far", "https://chat.example/huge"]);
    const [submitted] = one.submitted as any[];
    expect(submitted.content).toEqual([
      { type: "text", text: expect.stringContaining("see") },
      { type: "image", artifact: "a1", mimeType: "image/png", bytes: 6, name: "near.png" },
      { type: "image", artifact: "a2", mimeType: "image/webp", bytes: 10, name: "far.webp" },
      { type: "text", text: "[image image/png] could not be taken (PLINTH_CHANNEL_TOO_LARGE)." },
      { type: "text", text: "[file a.zip, application/zip] could not be taken (PLINTH_CHANNEL_TOO_LARGE)." },
    ]);
  });

  it("of an answer are sent where the channel can show them, each in a message of its own, and named where it cannot", async () => {
    const content = [
      { type: "text", text: "Look." },
      { type: "image", mimeType: "image/png", base64: base64("small") },
      { type: "image", mimeType: "image/png", artifact: "a9", bytes: 5_000, name: "large.png" },
      { type: "audio", mimeType: "audio/wav", base64: base64("la"), name: "song.wav" },
    ];
    const turn = async function* () {
      yield { type: "end", status: "ok", text: "Look.", content } as TurnEvent;
    };
    await start({ turn, descriptor: { media } });
    await one.deliver(message("ada", "show me"));
    await one.until(() => one.sent.length === 2);
    expect(one.texts()[0]).toBe("Look.\n\n[image large.png, image/png, 5 KiB]\n\n[audio song.wav, audio/wav, 1 KiB]");
    expect(one.sent[1]).toMatchObject({ content: [content[1]], fallbackText: "[image image/png, 1 KiB]" });
  });
});
