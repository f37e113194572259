import type { GenerationItem } from "@plinth/sdk";
import {
  describeConformance,
  greyPixel,
  imageGenerationConformance,
  musicGenerationConformance,
  videoGenerationConformance,
} from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { opened, workflows } from "./comfyui.testing.ts";

const opening = (purpose: "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation") => async () => {
  const { host, close } = await opened();
  return { provider: host.use(purpose).get("comfyui") as any, close };
};
const subject = { bad: { prompt: "A broken stone." }, slow: { prompt: "A slow stone." }, unsupported: { prompt: "A stone.", watermark: true } };

describeConformance({ describe, it }, "ComfyUI's pictures", imageGenerationConformance, {
  open: opening("plinth.image-generation"),
  good: { prompt: "A stone.", count: 2 },
  ...subject,
});
describeConformance({ describe, it }, "ComfyUI's films", videoGenerationConformance, {
  open: opening("plinth.video-generation"),
  good: { prompt: "A stone." },
  ...subject,
});
describeConformance({ describe, it }, "ComfyUI's music", musicGenerationConformance, {
  open: opening("plinth.music-generation"),
  good: { prompt: "Drums." },
  bad: subject.bad,
  slow: subject.slow,
  unsupported: { prompt: "Drums.", sampleRate: 8_000 },
});

let world: Awaited<ReturnType<typeof opened>>;
beforeEach(async () => {
  world = await opened();
});
afterEach(() => world.close());

const pictures = () => world.host.use("plinth.image-generation").get("comfyui");
async function draw(request: object, signal?: AbortSignal): Promise<GenerationItem[]> {
  const items: GenerationItem[] = [];
  const options = signal === undefined ? {} : { signal };
  for await (const item of pictures().generate({ prompt: "A stone.", ...request } as never, options)) items.push(item);
  return items;
}
const asked = () => world.server.requests.filter(({ path }) => path === "/prompt").map(({ body }) => body.prompt);
const image = { type: "image" as const, mimeType: "image/png", base64: greyPixel(7).toString("base64") };

describe("a workflow of ComfyUI", () => {
  it("is a model by its file's name, of what its nodes save, with what it has places for", async () => {
    expect(await pictures().status({})).toEqual({ ready: true, defaultModel: "drawn" });
    const { models } = await pictures().models({});
    expect(models.map(({ id }) => id)).toEqual(["drawn", "edited"]);
    expect([...models[0]!.takes!].sort()).toEqual(["count", "guidance", "negativePrompt", "prompt", "seed", "size", "steps", "strength"]);
    const films = await world.host.use("plinth.video-generation").get("comfyui").models({});
    expect(films.models.map(({ id }) => id)).toEqual(["filmed"]);
  });

  it("gets the request's values where its sampler reads them, and is otherwise as it was", async () => {
    const items = await draw({ negativePrompt: "moss", seed: 7, steps: 4, guidance: 3, size: { width: 640, height: 256 }, count: 2 });
    const graph = structuredClone(workflows.drawn) as any;
    Object.assign(graph["3"].inputs, { seed: 7, steps: 4, cfg: 3 });
    Object.assign(graph["5"].inputs, { width: 640, height: 256, batch_size: 2 });
    graph["6"].inputs.text = "A stone.";
    graph["7"].inputs.text = "moss";
    expect(asked()).toEqual([graph]);
    const part = { type: "image", mimeType: "image/png", bytes: greyPixel().length, base64: greyPixel().toString("base64") };
    expect(items.filter(({ type }) => type === "part")).toEqual([
      { type: "part", part, seed: 7 },
      { type: "part", part, seed: 7 },
    ]);
    expect(items.slice(-2)).toEqual([
      { type: "usage", usage: { images: 2 } },
      { type: "end", reason: "done" },
    ]);
  });

  it("is other work each time, where nobody names a seed", async () => {
    await draw({});
    await draw({});
    const [one, two] = asked().map((graph) => graph["3"].inputs.seed);
    expect(one).not.toBe(two);
  });

  it("gets pictures that were uploaded, by the titles of its nodes", async () => {
    await draw({ model: "edited", images: [image], mask: image });
    const [graph] = asked();
    expect([graph["10"].inputs.image, graph["11"].inputs.image]).toEqual(["plinth/file.png", "plinth/file.png"]);
    const upload = world.server.requests.find(({ path }) => path === "/upload/image")!;
    expect(upload.body).toMatchObject({ type: "input", subfolder: "plinth", image: { type: "image/png" } });
    expect(upload.body.image.bytes.equals(greyPixel(7))).toBe(true);
    await expect(draw({ images: [image] })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "images" } });
    await expect(draw({ model: "edited", images: [image, image, image] })).rejects.toMatchObject({ details: { param: "images" } });
  });

  it("stays the person's, whoever asks: only plain values that it has can be others", async () => {
    await draw({ vendor: { comfyui: { "3": { cfg: 2 } } } });
    expect(asked().at(-1)?.["3"].inputs.cfg).toBe(2);
    const evil = { class_type: "ShellNode", inputs: { command: "id" } };
    const tries = [{ "99": evil }, { "3": evil }, { "3": { model: ["99", 0] } }, { "3": { cfg: ["6", 0] } }, { "3": { nothing: 1 } }];
    const files = [{ "9": { filename_prefix: "../../x" } }, JSON.parse('{"__proto__": {"x": 1}}'), { "3": null }];
    for (const comfyui of [...tries, ...files])
      await expect(draw({ vendor: { comfyui } }), JSON.stringify(comfyui)).rejects.toMatchObject({ details: { param: "vendor" } });
    expect(asked()).toHaveLength(1);
    const items = await draw({ vendor: { comfyui: { "99": evil } }, onUnsupported: "drop" });
    expect(items.some(({ type }) => type === "warning")).toBe(true);
    expect(Object.keys(asked().at(-1) ?? {})).toEqual(Object.keys(workflows.drawn as object));
  });

  it("has its places where the configuration says, and what it makes", async () => {
    await world.close();
    const own = { drawn: { title: "Drawings", inputs: { prompt: "7.text", strength: ["3.denoise", "99.x"] } }, filmed: { makes: "image" } };
    world = await opened({ workflows: own });
    await draw({ strength: 0.5 });
    const [graph] = asked();
    expect([graph["6"].inputs.text, graph["7"].inputs.text, graph["3"].inputs.denoise]).toEqual(["a bottle", "A stone.", 0.5]);
    const { models } = await pictures().models({});
    expect(models.map(({ id, title }) => [id, title])).toEqual([
      ["drawn", "Drawings"],
      ["edited", "edited"],
      ["filmed", "filmed"],
    ]);
  });

  it("is none where a file is something else, and the others are there all the same", async () => {
    await world.close();
    world = await opened(
      {},
      { ...workflows, page: { nodes: [], links: [] }, torn: "{", list: [1], "..x": {}, quiet: { "1": { class_type: "A", inputs: {} } } },
    );
    expect((await pictures().models({})).models.map(({ id }) => id)).toEqual(["drawn", "edited"]);
    await expect(draw({ model: "page" })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN" });
  });
});

describe("work of ComfyUI", () => {
  it("fails with what its server says of its nodes", async () => {
    await world.close();
    const missing = JSON.stringify(workflows.drawn).replace("there.safetensors", "gone.safetensors");
    world = await opened({}, { missing });
    await expect(draw({})).rejects.toMatchObject({ code: "PLINTH_MODEL_REQUEST", message: expect.stringContaining("'gone.safetensors' not in") });
    await world.close();
    world = await opened();
    const failed = await draw({ prompt: "A broken stone." }).catch((thrown) => thrown);
    expect(failed).toMatchObject({
      code: "PLINTH_MODEL_SERVER",
      message: expect.stringContaining("KSampler: shapes cannot"),
      details: { retryable: false },
    });
  });

  it("is not ready where its server is away, or there is no workflow", async () => {
    await world.close();
    world = await opened({ baseUrl: "http://127.0.0.1:9" });
    expect(await pictures().status({})).toEqual({ ready: false, reason: "No server answers at http://127.0.0.1:9." });
    await expect(draw({})).rejects.toMatchObject({ code: "PLINTH_MODEL_NETWORK" });
    const none = await opened({}, {});
    expect(await none.host.use("plinth.image-generation").get("comfyui").status({})).toMatchObject({ ready: false });
    await none.close();
  });

  it("is taken from the queue, or interrupted, and nothing else is", async () => {
    const slow = draw({ prompt: "A slow stone." });
    const late = draw({ prompt: "A late stone." });
    await vi.waitFor(() => expect(world.server.work.size).toBe(2));
    const [first, second] = [...world.server.work.keys()] as [string, string];
    const isLate = (id: string) => /\blate\b/.test(JSON.stringify(world.server.work.get(id)!.graph));
    const [running, waiting] = isLate(first) ? [second, first] : [first, second];
    await vi.waitFor(() => expect([...world.server.work.values()].every(({ looks }) => looks > 0)).toBe(true));
    expect(await pictures().cancel({ job: waiting })).toEqual({ cancelled: true });
    expect((await late).at(-1)).toEqual({ type: "end", reason: "cancelled" });
    expect(world.server.work.get(running)!.ended).toBeUndefined();
    expect(await pictures().cancel({ job: running })).toEqual({ cancelled: true });
    expect((await slow).at(-1)).toEqual({ type: "end", reason: "cancelled" });
  });

  it("is ended where its reader leaves before it has a name", async () => {
    const release = world.server.hold();
    const leaving = new AbortController();
    const drawing = draw({ prompt: "A slow stone." }, leaving.signal).catch(({ code }) => code);
    await vi.waitFor(() => expect(world.server.requests.some(({ path }) => path === "/prompt")).toBe(true));
    leaving.abort();
    expect(await drawing).toMatch(/^PLINTH_/);
    release();
    await vi.waitFor(() => expect([...world.server.work.values()].map(({ ended }) => ended)).toEqual(["interrupted"]));
  });

  it("is nothing where its server answers with something else", async () => {
    const failing = (...answers: { status?: number; body: unknown; headers?: Record<string, string> }[]) => {
      world.server.script(...answers);
      return draw({}).catch(({ code }) => code);
    };
    const queued = { body: { prompt_id: "12345678-1" } };
    const made = (...files: object[]) => ({ body: { "12345678-1": { outputs: { "9": { images: files } }, status: { status_str: "success" } } } });
    expect(await failing({ body: {} })).toBe("PLINTH_MODEL_STREAM");
    expect(await failing({ body: { prompt_id: "../x" } })).toBe("PLINTH_MODEL_STREAM");
    expect(await failing(queued, made())).toBe("PLINTH_MODEL_STREAM");
    expect(await failing(queued, made({ filename: "x.txt", type: "output" }))).toBe("PLINTH_MODEL_STREAM");
    const file = { filename: "x.png", subfolder: "", type: "output" };
    expect(await failing(queued, made(file), { body: "<html>" })).toBe("PLINTH_MODEL_STREAM");
    expect(await failing(queued, made(file), { status: 302, headers: { location: "http://169.254.169.254/" }, body: "" })).toBe(
      "PLINTH_MODEL_STREAM",
    );
  });
});
