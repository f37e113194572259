import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost, openaiMediaServer, recordingOf, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { knowsModels } from "../../agents/native/scripted.testing.ts";
import artifacts from "../../stores/artifacts/index.ts";
import artifactsManifest from "../../stores/artifacts/plinth.json" with { type: "json" };
import mediaApi from "../api-openai-media/index.ts";
import mediaManifest from "../api-openai-media/plinth.json" with { type: "json" };
import rerankApi from "../api-rerank/index.ts";
import rerankManifest from "../api-rerank/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function house(role = "owner") {
  const server = await openaiMediaServer();
  const folder = await mkdtemp(join(tmpdir(), "plinth-try-"));
  const knows = knowsModels({ servers: { work: { baseUrl: `${server.url}/v1`, headers: { authorization: "Bearer open" } } } });
  const host: TestHost = await createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: mediaManifest, extension: mediaApi },
      { manifest: rerankManifest, extension: rerankApi },
      { manifest: artifactsManifest, extension: artifacts },
      ...knows.extensions,
    ],
    provide: knows.provide,
  });
  closing.push(
    () => rm(folder, { recursive: true, force: true }),
    () => server.close(),
    () => host.close(),
  );
  const tried = async (purpose: string, text: string[], options: object = {}, json = true) => {
    const items: any[] = [];
    const terminal = { json, tty: false, color: false, columns: 80, cwd: folder, local: true };
    await host.as({ role, via: "cli" } as never, async () => {
      const run = host.use("plinth.cli-command").get("models-try");
      for await (const item of run.run({ args: { purpose, text }, options, terminal } as never)) items.push(item);
    });
    return json ? items.find((item) => "result" in item)?.result : items.map(({ out, err }) => out ?? err).join("");
  };
  return { tried, server, folder };
}

describe("plinth models try", () => {
  it("says a text aloud into a new file, and writes down what a file says", async () => {
    const { tried, folder } = await house();
    const { files } = await tried("speech", ["Good", "morning"], { model: "work/tts-1", voice: "alloy" });
    expect(files).toEqual([{ path: join(folder, "speech.mp3"), mimeType: "audio/mpeg", bytes: 21 }]);
    expect(await readFile(files[0].path, "latin1")).toBe("ID3alloy:Good morning");
    const again = await tried("speech", ["Good"], { model: "work/tts-1", voice: "alloy" });
    expect(again.files[0].path, "never over what is there").toBe(join(folder, "speech-2.mp3"));

    await writeFile(join(folder, "said.wav"), recordingOf("a stone"));
    expect(await tried("transcription", ["said.wav"], { model: "work/whisper-1" })).toMatchObject({ text: "a stone", files: [] });
    const kept = await tried("transcription", ["said.wav"], { model: "work/whisper-1", out: "said.txt" });
    expect([kept.files[0].path, await readFile(join(folder, "said.txt"), "utf8")]).toEqual([join(folder, "said.txt"), "a stone\n"]);
  });

  it("saves a picture, and shows a vector and who answered", async () => {
    const { tried, folder } = await house();
    const { files } = await tried("image-generation", ["a fox"], { model: "work/gpt-image-1", out: "fox.png" });
    expect(files[0]).toMatchObject({ path: join(folder, "fox.png"), mimeType: "image/png" });
    expect((await readFile(files[0].path)).subarray(1, 4).toString()).toBe("PNG");
    const vector = await tried("embedding", ["a", "stone"], { model: "work/text-embedding-3-small" });
    expect(vector).toMatchObject({ answered: "work/text-embedding-3-small", dimensions: 1_536, files: [] });
    expect(vector.vector).toHaveLength(1_536);
    const shown = await tried("embedding", ["a", "stone"], { model: "work/text-embedding-3-small" }, false);
    expect(shown).toMatch(
      /^1536 numbers \(float32\): \S+ \S+ \S+ \S+ \S+ \S+ …\nIn \d+\.\d s, by work\/text-embedding-3-small, \d+ tokens read\.\n$/,
    );
  });

  it("asks nobody where the file is there already, and leaves none of what fails", async () => {
    const { tried, server, folder } = await house();
    await writeFile(join(folder, "fox.png"), "mine");
    await expect(tried("image-generation", ["a fox"], { model: "work/gpt-image-1", out: "fox.png" })).rejects.toMatchObject({
      code: "PLINTH_FILE",
      message: expect.stringContaining("it is there already"),
    });
    expect([server.requests.length, await readFile(join(folder, "fox.png"), "utf8")]).toEqual([0, "mine"]);
    await expect(tried("speech", ["a"], { model: "work/none", voice: "alloy", out: "a.mp3" })).rejects.toMatchObject({
      code: "PLINTH_MODEL_UNKNOWN",
    });
    expect(await readdir(folder)).toEqual(["fox.png"]);
  });

  it("ends work that nobody waits for any more", async () => {
    const cancelled: object[] = [];
    const stop = new AbortController();
    const films = {
      status: () => ({ ready: true }),
      models: () => ({ models: [] }),
      async *generate(_input: object, { signal }: { signal: AbortSignal }) {
        yield { type: "job", job: "j1" };
        yield { type: "progress", state: "queued", place: 2 };
        setTimeout(() => stop.abort());
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      },
      async *resume() {},
      cancel: (input: object) => ({ cancelled: cancelled.push(input) > 0 }),
    };
    const host = await createTestHost({
      extensions: [{ manifest, extension }],
      provide: [{ contract: "plinth.video-generation", id: "models", descriptor: { title: "Films" }, provider: films as never }],
    });
    closing.push(() => host.close());
    const told: string[] = [];
    const terminal = { json: false, tty: true, color: false, columns: 80, cwd: tmpdir(), local: true };
    await host.as({ role: "owner", via: "cli" } as never, async () => {
      const run = host.use("plinth.cli-command").get("models-try");
      const items = run.run({ args: { purpose: "video-generation", text: ["a fox"] }, options: {}, terminal } as never, { signal: stop.signal });
      await expect(
        (async () => {
          for await (const item of items) told.push("err" in item ? String(item.err) : "");
        })(),
      ).rejects.toBeDefined();
    });
    expect(told.join("")).toContain("queued, place 2");
    await expect.poll(() => cancelled).toEqual([{ job: "j1" }]);
  });

  it("is the owner's, and says what is missing", async () => {
    const { tried } = await house();
    await expect(tried("film", ["a"])).rejects.toMatchObject({ code: "PLINTH_USAGE", next: expect.stringContaining("video-generation") });
    await expect(tried("rerank", ["only a query"])).rejects.toMatchObject({
      code: "PLINTH_USAGE",
      next: expect.stringContaining("models try rerank"),
    });
    await expect(tried("transcription", ["none.wav"])).rejects.toMatchObject({ code: "PLINTH_FILE", message: expect.stringContaining("not there") });
    await expect(tried("transcription", ["/etc/hostname"])).rejects.toMatchObject({ code: "PLINTH_USAGE" });
    const guest = await house("guest");
    await expect(guest.tried("speech", ["a"])).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
  });
});
