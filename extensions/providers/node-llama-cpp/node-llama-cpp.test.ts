import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelEvent, ModelRequest } from "@plinth/sdk";
import { createTestHost, describeConformance, embeddingConformance, modelProviderConformance, type TestHost } from "@plinth/sdk/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { SAID, writeTinyGguf } from "./tiny-gguf.testing.ts";

const library = join(import.meta.dirname, "../../../test/peers");
const here = existsSync(join(library, "node_modules/node-llama-cpp")) && existsSync("/usr/bin/bwrap");
if (!here) console.warn("skipped: what needs node-llama-cpp and bubblewrap (run `npm ci` in test/peers first)");

let folder: string;
let config: Record<string, unknown>;
const opened = (more: Record<string, unknown> = {}): Promise<TestHost> =>
  createTestHost({ extensions: [{ manifest, extension, config: { ...config, ...more } }] });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-gguf-"));
  const [tiny, plain] = await Promise.all([
    writeTinyGguf(join(folder, "tiny.gguf")),
    writeTinyGguf(join(folder, "plain.gguf"), { tools: false, context: 256 }),
  ]);
  await writeFile(join(folder, "broken.gguf"), "GGUF and nothing of it");
  config = {
    library,
    models: {
      tiny: { file: tiny, use: ["chat", "embedding"], contextTokens: 2048 },
      plain: { file: plain },
      broken: { file: join(folder, "broken.gguf") },
      absent: { file: join(folder, "absent.gguf") },
    },
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const user = (text: string) => ({ role: "user" as const, content: [{ type: "text" as const, text }] });
const text = (items: readonly ModelEvent[]) => items.map((item) => (item.type === "text" ? item.delta : "")).join("");
const good: ModelRequest = { model: "tiny", messages: [user("hello")], temperature: 0 };
/** What makes it go on and on. */
const ENDLESS = [{ type: "text" as const, text: "Go on." }];
const dice = {
  name: "dice",
  description: "Rolls a die.",
  input: { type: "object", properties: { sides: { type: "integer" } }, required: ["sides"] },
};

describe.runIf(here)("models of GGUF files", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await opened();
  });
  afterAll(() => host.close());

  const provider = (of = host) => of.use("plinth.model-provider").get("node-llama-cpp");
  const embedding = () => host.use("plinth.embedding").get("node-llama-cpp");
  async function ask(more: Partial<ModelRequest> = {}, { of = host, signal }: { of?: TestHost; signal?: AbortSignal } = {}): Promise<ModelEvent[]> {
    const items: ModelEvent[] = [];
    for await (const item of provider(of).stream({ ...good, ...more }, { signal })) items.push(item);
    return items;
  }

  // One host for all: its provider keeps nothing between requests but the loaded model.
  describeConformance({ describe, it }, "node-llama-cpp", modelProviderConformance, {
    open: async () => ({ provider: provider() }),
    good,
    toolCall: { ...good, tools: [dice] },
    bad: { ...good, model: "nobody" },
    unsupported: { ...good, thinking: { effort: "high" } },
  });
  describeConformance({ describe, it }, "node-llama-cpp", embeddingConformance, {
    open: async () => ({ provider: embedding() }),
    good: { inputs: [[{ type: "text", text: "a stone" }]] },
    bad: { inputs: [[{ type: "text", text: "a stone" }]], model: "plain" },
    unsupported: { inputs: [[{ type: "text", text: "a stone" }]], dimensions: 2 },
    long: { inputs: [[{ type: "text", text: "x".repeat(3_000) }]] },
  });

  it("answer in pieces, say what they took, and read what they read before from memory", async () => {
    const items = await ask();
    expect(items.filter(({ type }) => type === "text").length).toBeGreaterThan(1);
    expect(text(items)).toBe(SAID.join(""));
    expect(items.at(-1)).toEqual({ type: "end", reason: "stop" });
    const usage = async () => (await ask()).find((item) => item.type === "usage")!.usage;
    const { inputTokens, outputTokens, cacheReadTokens = 0 } = await usage();
    expect(inputTokens).toBeGreaterThan(5);
    expect(outputTokens).toBeGreaterThanOrEqual(SAID.length);
    expect(cacheReadTokens).toBeGreaterThan(0);
  });

  it("stop at words, and after as many tokens as they may say", async () => {
    expect(text(await ask({ stop: ["three"] }))).toBe("one two");
    const short = await ask({ maxOutputTokens: 2 });
    expect(text(short)).toBe("one two");
    expect(short.at(-1)).toEqual({ type: "end", reason: "length" });
  });

  it("call tools in their template's own form, with arguments that fit; one that may be absent is absent", async () => {
    const sides = { type: "object", properties: { sides: { type: "integer" }, colour: { type: "string" } }, required: ["sides"] };
    const items = await ask({ tools: [{ ...dice, input: sides }] });
    const call = items.find((item) => item.type === "tool-call")?.call;
    expect(call).toMatchObject({ name: "dice", args: { sides: 6 } });
    expect(items.at(-1)).toEqual({ type: "end", reason: "tool-calls" });
    const result = { type: "tool-result" as const, callId: call!.id, name: "dice", content: [{ type: "text" as const, text: "4" }] };
    const messages = [...good.messages, { role: "assistant" as const, content: [call!] }, { role: "tool" as const, content: [result] }];
    expect(text(await ask({ messages, tools: [dice] }))).toBe(SAID.join(""));
  });

  it("call the one that they have to", async () => {
    const other = { ...dice, name: "coin" };
    for (const toolChoice of ["required" as const, { name: "coin" }]) {
      const items = await ask({ tools: [other], toolChoice });
      expect(items.filter(({ type }) => type === "text")).toEqual([]);
      expect(items.find((item) => item.type === "tool-call")?.call).toMatchObject({ name: "coin", args: { sides: 6 } });
    }
  });

  it("have no tools where their template has none, and read earlier calls as text", async () => {
    await expect(ask({ model: "plain", tools: [dice] })).rejects.toMatchObject({ code: "PLINTH_MODEL_UNSUPPORTED", details: { param: "tools" } });
    const items = await ask({ model: "plain", tools: [dice], onUnsupported: "drop" });
    expect(items[0]).toMatchObject({ type: "warning", param: "tools" });
    expect(text(items)).toBe(SAID.join(""));
    const { models } = await provider().models({});
    expect(models.find(({ id }) => id === "plain")).toMatchObject({ title: "Tiny", tools: "none", contextTokens: 256 });
  });

  it("say JSON that fits its schema, whatever they would rather say", async () => {
    const schema = {
      type: "object",
      properties: { tool: { enum: ["exec"] }, ok: { type: "boolean" }, list: { type: "array", items: { type: "integer" } } },
    };
    const said = JSON.parse(text(await ask({ output: { schema } })));
    expect(said).toMatchObject({ tool: "exec", ok: expect.any(Boolean), list: expect.any(Array) });
    expect(() => JSON.parse("one two")).toThrow();
    expect(typeof JSON.parse(text(await ask({ output: "json", maxOutputTokens: 50 })))).toBe("object");
  });

  it("refuse what is longer than their context, with the limit, and never leave out a part of it in silence", async () => {
    const long = { messages: [user("x".repeat(3_000))] };
    await expect(ask(long)).rejects.toMatchObject({ code: "PLINTH_MODEL_CONTEXT", details: { limitTokens: 2048, askedTokens: expect.any(Number) } });
    const endless = await ask({ model: "plain", system: ENDLESS });
    expect(endless.at(-1)).toEqual({ type: "end", reason: "length" });
  });

  it("leave off at once when nobody waits any more, and are ready for the next", async () => {
    const controller = new AbortController();
    const seen: ModelEvent[] = [];
    const reading = (async () => {
      for await (const item of provider().stream({ ...good, system: ENDLESS }, { signal: controller.signal })) {
        seen.push(item);
        if (seen.length === 5) controller.abort();
      }
    })();
    await expect(reading).rejects.toThrow();
    expect(seen.length).toBe(5);
    expect(text(await ask())).toBe(SAID.join(""));
  });

  it("fail with a code where the file is none, or is not there, and say what to do", async () => {
    await expect(ask({ model: "absent" })).rejects.toMatchObject({ code: "PLINTH_MODEL_SERVER", message: expect.stringContaining("absent.gguf") });
    await expect(ask({ model: "broken" })).rejects.toMatchObject({ code: "PLINTH_MODEL_SERVER", details: { retryable: false } });
    expect(text(await ask())).toBe(SAID.join(""));
  });

  it("are loaded once, however many ask; more than the queue holds are refused", async () => {
    await using small = await opened({ queue: 2 });
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => ask({}, { of: small })));
    const answered = all.filter(({ status }) => status === "fulfilled");
    const refused = all.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(answered.length).toBe(3);
    for (const one of refused) expect(one).toMatchObject({ code: "PLINTH_MODEL_OVERLOADED", details: { retryable: true } });
  });
});

it("are not ready without the library, and say how it is installed; nothing is started to know that", async () => {
  await using host = await opened({ library: folder });
  const status = await host.use("plinth.model-provider").get("node-llama-cpp").status({});
  expect(status).toMatchObject({ ready: false, reason: expect.stringContaining("is not installed") });
  const asked = host.use("plinth.model-provider").get("node-llama-cpp").stream(good)[Symbol.asyncIterator]().next();
  await expect(asked).rejects.toMatchObject({ code: "PLINTH_MODEL_SERVER", next: expect.stringContaining(`npm install --prefix ${folder}`) });
  await using none = await createTestHost({ extensions: [{ manifest, extension, config: {} }] });
  expect((await none.use("plinth.model-provider").get("node-llama-cpp").models({})).models).toEqual([]);
});

it.runIf(process.platform !== "win32")("are not waited for where the file is a pipe or a folder, however often somebody looks", async () => {
  const [pipe, installed] = [join(folder, "pipe.gguf"), join(folder, "installed")];
  execFileSync("mkfifo", [pipe]);
  await mkdir(join(installed, "node_modules/node-llama-cpp"), { recursive: true });
  await writeFile(join(installed, "node_modules/node-llama-cpp/package.json"), '{"version":"3.22.1"}');
  await writeFile(join(folder, "empty.gguf"), "");
  const reasonOf = async (file: string): Promise<string | undefined> => {
    const host = await opened({ library: installed, models: { one: { file } } });
    const statuses = await Promise.all(Array.from({ length: 8 }, () => host.use("plinth.model-provider").get("node-llama-cpp").status({})));
    await host.close();
    return statuses.find(({ ready }) => !ready)?.reason;
  };
  // Threads that wait for a pipe would be missing here.
  expect(await reasonOf(pipe)).toBe(`${pipe} is no file, but something else.`);
  expect(await reasonOf(folder)).toBe(`${folder} is no file, but something else.`);
  expect(await reasonOf(join(folder, "empty.gguf"))).toContain("is no GGUF file");
});
