import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PlinthError } from "../../extension/errors.ts";
import {
  channelConformance,
  createTestHost,
  describeConformance,
  harnessConformance,
  interactionConformance,
  modelApiConformance,
  modelProviderConformance,
  modelVendorConformance,
  pluginSourceConformance,
  sessionStoreConformance,
  toolConformance,
  toolSetConformance,
  transformHookConformance,
} from "../index.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

async function scripted(contract: string, provider: object) {
  const host = await createTestHost({ provide: [{ contract, id: "x", provider: provider as never }] });
  return { client: host.use(contract as never).get("x") as any, close: () => host.close() };
}

async function failures(cases: readonly { name: string; run(subject: any): Promise<void> }[], subject: object): Promise<string[]> {
  const failed: string[] = [];
  for (const one of cases) await one.run(subject).catch(() => failed.push(one.name));
  return failed;
}

const toolSubject = (call: (input: any, call: any) => unknown) => ({
  open: async () => {
    const { client, close } = await scripted("plinth.tool", { call });
    return { tool: client, close };
  },
  good: { args: { n: 1 } },
  bad: { args: { n: "x" } },
});

describeConformance({ describe, it }, "an honest tool", toolConformance, {
  ...toolSubject(async ({ args }, { signal }) => {
    if (args.n === 99) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return typeof args.n === "number" ? text(String(args.n)) : { ...text("n must be a number"), isError: true };
  }),
  slow: { args: { n: 99 } },
});

describeConformance({ describe, it }, "an honest tool that tells how far it is", toolConformance, {
  open: async () => {
    const result = { ...text("4"), structured: { sum: 4 } };
    const { client, close } = await scripted("plinth.tool", {
      call: () => result,
      async *run() {
        yield { type: "progress", done: 1, total: 1 };
        yield { type: "result", result };
      },
    });
    return { tool: client, close };
  },
  good: { args: {} },
  running: { args: {} },
  output: { output: { type: "object", required: ["sum"], properties: { sum: { type: "number" } } } },
});

const setSubject = (provider: object) => ({
  open: async () => {
    const { client, close } = await scripted("plinth.tool-set", provider);
    return { set: client, close };
  },
  effects: ["read"],
  good: { tool: "sweep", args: {} },
  slow: { tool: "wait", args: {} },
});
const listed = { name: "sweep", description: "Sweeps.", input: { type: "object" }, effects: ["read"] };
const honestSet = {
  list: ({ cursor }: { cursor?: string }) => (cursor === undefined ? { tools: [listed], next: "2" } : { tools: [{ ...listed, name: "wait" }] }),
  call: async ({ tool, source }: { tool: string; source?: string }, { signal }: { signal: AbortSignal }) => {
    if (tool === "wait") await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (tool === "sweep" && source === undefined) return text("swept");
    throw new PlinthError("PLINTH_TOOL_UNKNOWN", `There is no tool ${tool}.`, { next: "List." });
  },
};

describeConformance({ describe, it }, "an honest set of tools", toolSetConformance, setSubject(honestSet));

const endpoint = { vendor: "acme", title: "Acme", baseUrl: "https://models.example", headers: {} };
const hello = { model: "m", messages: [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }] };

describeConformance({ describe, it }, "an honest model API", modelApiConformance, {
  open: async () => {
    const { client, close } = await scripted("plinth.model-api", {
      models: () => ({ models: [{ id: "m" }] }),
      async *stream({ request }: { request: { model: string } }) {
        if (request.model !== "m") throw new PlinthError("PLINTH_MODEL_UNKNOWN", "There is no such model.");
        yield { type: "text", delta: "a" };
        yield { type: "text", delta: "b" };
        yield { type: "end", reason: "stop" };
      },
      countTokens: ({ request }: { request: { messages: unknown[] } }) => ({ inputTokens: request.messages.length }),
    });
    return { api: client, endpoint, close };
  },
  good: hello,
  bad: { ...hello, model: "none" },
});

const vendorManifest = (descriptor: object) => ({
  manifest: {
    id: "acme.models",
    version: "1.0.0",
    title: "Acme",
    description: "",
    engines: { plinth: "*" },
    provides: [{ contract: "plinth.model-vendor", version: "1.0.0", id: "acme", descriptor }],
    permissions: { net: ["models.example", "*.models.example", "loopback"], secrets: ["ACME_API_KEY"], env: ["ACME_PLACE"] },
  },
  id: "acme",
});
const vendor = {
  title: "Acme",
  api: "openai-chat",
  priority: 70,
  otherApis: { "acme-api": { baseUrls: { default: "http://127.0.0.1:1234/other" } } },
  baseUrls: { default: "https://models.example/v1", place: "https://{ACME_PLACE}.models.example/v1" },
  auth: [{ kind: "key", secret: "ACME_API_KEY" }],
  models: [
    { id: "a-2", aliases: ["a"], input: ["image"], price: { input: 1, output: 2 } },
    { id: "a-3", api: "acme-api" },
  ],
  defaultModel: "a",
};

describeConformance({ describe, it }, "an honest vendor", modelVendorConformance, vendorManifest(vendor) as never);

describe("the suites", () => {
  it("notice a vendor whose data does not hold together", async () => {
    expect(await failures(modelVendorConformance, vendorManifest({ ...vendor, baseUrls: { eu: "https://models.example/" } }))).toEqual([
      "has an address without a slash at its end, and one to begin with",
    ]);
    const elsewhere = { baseUrls: { default: "https://other.example/{OTHER_PLACE}" }, otherApis: { "openai-chat": {} } };
    expect(await failures(modelVendorConformance, vendorManifest({ ...vendor, ...elsewhere }))).toEqual([
      "declares the hosts of its addresses",
      "speaks the API of each of its models",
      "declares the secrets and the environment that it names",
    ]);
    const wrong = { ...vendor, auth: [{ kind: "key", secret: "OTHER" }], defaultModel: "b", priority: "high" };
    expect(await failures(modelVendorConformance, vendorManifest(wrong))).toEqual([
      "fits the contract",
      "declares the secrets and the environment that it names",
      "names each model once, by whichever name, and knows its default",
    ]);
  });

  it("notice a set that lists without end, says more than it may, or answers for any name", async () => {
    const found = await failures(
      toolSetConformance,
      setSubject({ list: () => ({ tools: [{ ...listed, effects: ["exec"] }, listed] }), call: () => text("") }),
    );
    expect(found).toEqual([
      "lists tools that fit the contract, each once, and comes to an end",
      "says of no tool that it does more than the set may",
      "fails with a code when it has no such tool, and goes on",
      "ends a long call when it is cancelled",
    ]);
  });

  it("notice a tool that takes anything for success", async () => {
    expect(
      await failures(
        toolConformance.filter(({ needs }) => needs === undefined || needs.includes("bad")),
        toolSubject(() => text("fine")),
      ),
    ).toEqual(["answers a bad call with a coded error or an error result"]);
  });

  it("notice a model whose stream ends twice or never", async () => {
    const subject = (items: object[]) => ({
      open: async () => {
        const { client, close } = await scripted("plinth.model-provider", {
          status: () => ({ ready: true }),
          models: () => ({ models: [] }),
          async *stream() {
            yield* items;
          },
        });
        return { provider: client, close };
      },
      good: { model: "m", messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] },
    });
    const plain = modelProviderConformance.filter(({ needs }) => !needs);
    const end = { type: "end", reason: "stop" };
    const hello = { type: "text", delta: "hello" };
    expect(await failures(plain, subject([hello, end]))).toEqual([]);
    expect(await failures(plain, subject([hello, end, end]))).toContain("streams text and ends with exactly one end");
    expect(await failures(plain, subject([hello]))).toContain("streams text and ends with exactly one end");
  });

  it("notice a session store that gives its claim to everybody", async () => {
    const subject = {
      open: async () => {
        const { client, close } = await scripted("plinth.session-store", {
          claim: () => ({ fence: 1, head: null, expiresAt: 0 }),
          renew: () => ({ expiresAt: 0 }),
          append: () => ({ head: "x" }),
          release: () => ({}),
          history: () => ({ entries: [] }),
          list: () => ({ sessions: [] }),
          setHead: () => ({}),
        });
        return { store: client, close };
      },
    };
    expect(await failures(sessionStoreConformance, subject)).toContain("gives the claim to exactly one of many that ask at once");
  });

  it("notice a channel that forgets how to connect, and one that says it delivered what it cannot", async () => {
    const to = (id: string) => ({ channel: "x", account: "default", peer: { kind: "person" as const, id } });
    const subject = () => ({
      open: async () => {
        let state = "down";
        let isUsed = false;
        let count = 0;
        const provider = {
          connect: () => {
            if (isUsed) throw new PlinthError("PLINTH_CHANNEL_DOWN", "gone");
            state = "connected";
            return {};
          },
          disconnect: () => {
            isUsed = true;
            return {};
          },
          health: () => ({ state }),
          send: () => ({ status: "sent", messages: [{ id: String(++count) }] }),
        };
        const { client, close } = await scripted("plinth.channel", provider);
        return { channel: client, arrived: () => count, close };
      },
      message: { to: to("ada"), content: [{ type: "text" as const, text: "x" }] },
      bad: { to: to("nobody"), content: [{ type: "text" as const, text: "x" }] },
      idempotent: true,
    });
    const asked = channelConformance.filter(({ needs = [] }) => !needs.includes("receives") && !needs.includes("drops"));
    expect(await failures(asked, subject())).toEqual([
      "says whether it is connected",
      "leaves once, however often it is told, connected or not",
      "connects again after it left",
      "sends a message once, however often it is asked with the same key, also after it left and came back",
      "answers a message that it cannot deliver with a coded error or says that it is not sent",
    ]);
  });

  it("notice a harness that says it is done before it is, and one that keeps its messages to itself", async () => {
    const subject = (items: object[]) => ({
      open: async () => {
        const provider = {
          async *run() {
            yield* items;
          },
        };
        const { client, close } = await scripted("plinth.harness", provider);
        return { harness: client, close };
      },
      turn: {
        sessionKey: "s",
        runId: "r",
        workspace: "/",
        model: "auto",
        system: [],
        history: [{ role: "user", content: [{ type: "text", text: "x" }] }],
      },
    });
    const [text, done] = [
      { type: "text", delta: "x" },
      { type: "done", text: "x" },
    ];
    const early = await failures(
      harnessConformance.filter(({ needs }) => needs === undefined),
      subject([done, { type: "message", message: { role: "assistant", content: [{ type: "text", text: "x" }] } }, text]),
    );
    expect(early).toContain("answers with text, and says so in one `done` at the end");
    const silent = await failures(
      harnessConformance.filter(({ needs }) => needs === undefined),
      subject([text, done]),
    );
    expect(silent).toEqual(["hands over each finished message before it is done"]);
  });

  it("notice a source that fetches for anybody, and one that follows a path", async () => {
    const open = async () => {
      const provider = {
        async fetch({ into }: { into: string }) {
          await mkdir(into, { recursive: true });
          await writeFile(join(into, "plinth.json"), "{}");
          return { source: "shelf:x" };
        },
      };
      const host = await createTestHost({ provide: [{ contract: "plinth.plugin-source", id: "x", provider: provider as never }] });
      return { source: host.use("plinth.plugin-source").get("x"), as: host.as, close: () => host.close() };
    };
    const subject = { open, scheme: "shelf", good: "x", missing: "y" };
    expect(await failures(pluginSourceConformance, subject)).toEqual([
      "fails with a code for a package that is not there",
      "takes hostile specs as data",
      "fetches nothing for anybody but the owner",
    ]);
  });

  it("notice a subscriber that breaks the payload, and one that changes what does not concern it", async () => {
    const manifest = {
      id: "test.hook",
      version: "1.0.0",
      title: "x",
      description: "x",
      engines: { plinth: "*" },
      entry: "./index.js",
      hooks: [{ on: "message.sending" }],
    };
    const payload = (text: string) => ({ sessionKey: "s", runId: "r", surface: "test", text });
    const subject = (handler: (payload: any) => unknown) => ({
      open: async () => {
        const extension = { activate: (ctx: any) => ctx.hooks.on("message.sending", handler) };
        const host = await createTestHost({ extensions: [{ manifest, extension }] });
        return { host, close: () => host.close() };
      },
      hook: "message.sending",
      changed: payload("loud"),
      unchanged: payload("quiet"),
    });
    expect(
      await failures(
        transformHookConformance,
        subject((one) => ({ ...one, text: one.text.replace("loud", "soft") })),
      ),
    ).toEqual([]);
    expect(
      await failures(
        transformHookConformance,
        subject((one) => ({ ...one, text: one.text.toUpperCase() })),
      ),
    ).toContain("leaves alone what does not concern it");
    expect(
      await failures(
        transformHookConformance,
        subject(() => ({ text: 7 })),
      ),
    ).toContain("answers with a payload that fits the hook");
  });

  it("notice a service that lets anybody answer, anything, as often as they like", async () => {
    const open = async () => {
      const requests: any[] = [];
      const settle = new Map<string, (answer: object) => void>();
      const provider = {
        async *ask(asked: any) {
          const request = { ...asked, id: `id${requests.length}`, askedBy: "host", askedAt: 1, expiresAt: 2 };
          requests.push(request);
          const answer = new Promise((resolve) => settle.set(request.id, resolve));
          yield { state: "asked", request };
          yield { state: "answered", request, answer: await answer };
        },
        answer({ id, option }: any) {
          const answer = { answer: option === "deny" ? "declined" : "chosen", option, by: { role: "owner", via: "x" }, at: 1 };
          settle.get(id)?.(answer);
          return { request: requests.find((one) => one.id === id), answer };
        },
        pending: () => ({ requests }),
        history: () => ({ entries: [] }),
        async *changes() {
          yield { state: "pending", requests };
        },
        withdraw: () => ({}),
      };
      const { client, close } = await scripted("plinth.interaction", provider);
      return { owner: client, guest: client, close };
    };
    const careless = [
      "always offers to deny",
      "takes the first of two answers, and tells the second who was first",
      "refuses an answer to something else than what is asked",
      "asks nothing whose digest is not that of its action",
      "shows and takes nothing for anybody but the owner",
    ];
    const cases = interactionConformance.filter(({ name }) => careless.includes(name) || name === "tells a no as a no");
    expect(await failures(cases, { open })).toEqual(careless);
  });
});
