import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { call, codeOf, GUEST, OWNER, Product } from "./product.ts";
import { bare, lab, type Source, usesLab, wordsExtension } from "./sources.ts";

let product: Product;
afterEach(() => product.dispose());

const secrets: Source = {
  manifest: { id: "test.secrets", provides: [{ contract: "plinth.secret-source", version: "1.0.0", id: "fixed", descriptor: { title: "Fixed" } }] },
  code: `export default defineExtension({ activate(ctx) {
    ctx.provide("plinth.secret-source", "fixed", { resolve: ({ name }) => name === "LAB_KEY" ? "value-of-lab-key" : name === "BROKEN_KEY" ? "two\\nlines" : null });
  } });`,
};
/** Answers each exchange with what would have been sent. */
const egress: Source = {
  manifest: { id: "test.egress", provides: [{ contract: "plinth.egress", version: "1.0.0", id: "echo", descriptor: { title: "Echo" } }] },
  code: `export default defineExtension({ activate(ctx) {
    ctx.provide("plinth.egress", "echo", { async *exchange(input) { yield { status: 200, headers: {} }; yield new TextEncoder().encode(JSON.stringify(input)); } });
  } });`,
};

describe.each(["host", "process"])("in the %s tier, declared is the ceiling", (tier) => {
  const config = (more: object = {}) => JSON.stringify({ extensions: { "test.bare": { tier, ...more } } });
  const run = async (manifest: object, op: string, ...args: unknown[]): Promise<any> => {
    product = await Product.create(wordsExtension, secrets, egress, bare("test.bare", manifest));
    const host = await product.boot({ config: config() });
    return call(host, "test.words.lab", "bare", "run", { op, args }, OWNER);
  };

  it("an undeclared contract is refused to list, call and open", async () => {
    product = await Product.create(wordsExtension, bare("test.bare"));
    const host = await product.boot({ config: config() });
    for (const op of ["list", "call", "open"]) {
      const attempt = call(host, "test.words.lab", "bare", "run", { op, args: ["test.words.lab", "words", "who", {}] }, OWNER);
      await expect(attempt).rejects.toMatchObject({ code: "PLINTH_UNDECLARED", extension: "test.bare" });
    }
  });

  it("a declared one is not", async () => {
    expect(await run(usesLab, "call", "test.words.lab", "words", "who", {})).toEqual({
      value: { caller: "test.bare", principal: expect.objectContaining(OWNER) },
    });
  });

  it("the author API says so before the host has to", async () => {
    const source = lab("test.bare", { run: "return ctx.use('plinth.service').list();" });
    product = await Product.create(wordsExtension, source);
    const host = await product.boot({ config: config() });
    expect(await codeOf(call(host, "test.words.lab", "bare", "run"))).toBe("PLINTH_UNDECLARED");
  });

  it("providing or hooking what is not declared reaches nobody", async () => {
    for (const more of [{ provideMore: true }, { hookMore: true }]) {
      product = await Product.create(wordsExtension, bare("test.bare", { config: { type: "object" } }));
      const host = await product.boot({ config: config({ config: more }) });
      const started = await codeOf(call(host, "test.words.lab", "bare", "run", { op: "currentWork" }));
      expect(started).toBe(tier === "host" ? "PLINTH_UNDECLARED" : "none");
      expect(host.current.list("test.words.lab").map((one) => one.id)).toEqual(["bare", "words"]);
      expect(await codeOf(call(host, "test.words.lab", "more", "run"))).toBe("PLINTH_CAPABILITY_MISSING");
      expect(host.current.pipeline("test.words.told")?.taps).toEqual([]);
      await product.dispose();
    }
  });

  it("a hook of a contract that it does not provide cannot be fired", async () => {
    const source = { ...bare("test.bare"), manifest: { id: "test.bare", provides: [service] } };
    product = await Product.create(wordsExtension, {
      ...source,
      code: source.code?.replace('"test.words.lab", "bare"', '"plinth.service", "bare"').replace("run:", "start:"),
    });
    const host = await product.boot({ config: config() });
    const attempt = call(host, "plinth.service", "bare", "start", { op: "fire", args: ["test.words.told", {}], options: {} });
    expect(await codeOf(attempt)).toBe("PLINTH_UNDECLARED");
  });

  it("without a granted host there is no network", async () => {
    const refused = (message: string) => ({ code: "PLINTH_PERMISSION", message: expect.stringContaining(message) });
    await expect(run({}, "fetch", { url: "http://example.com/" })).rejects.toMatchObject(refused("its manifest does not ask for it"));
    product = await Product.create(wordsExtension, secrets, egress, bare("test.bare", { permissions: { net: ["a.example"] } }));
    const host = await product.boot({ config: config({ grants: { net: [] } }) });
    const attempt = call(host, "test.words.lab", "bare", "run", { op: "fetch", args: [{ url: "http://a.example/" }] });
    await expect(attempt).rejects.toMatchObject(refused("an owner did not allow it"));
  });

  it("what leaves says who sends it and which hosts were granted, with the secret put in on the way", async () => {
    const manifest = { permissions: { net: ["api.example.com"], secrets: ["LAB_KEY"] } };
    const request = {
      url: "https://api.example.com/",
      headers: { authorization: "Bearer {{plinth-secret:LAB_KEY}}" },
      extension: "someone.else",
      hosts: ["*"],
    };
    const { value } = await run(manifest, "fetch", request);
    const sent = typeof value[1] === "string" ? value[1] : Buffer.from(Object.values(value[1]) as number[]).toString();
    expect(JSON.parse(sent)).toMatchObject({
      extension: "test.bare",
      hosts: ["api.example.com"],
      headers: { authorization: "Bearer value-of-lab-key" },
    });
  });

  it.each([
    ["that was not granted", "OTHER_KEY", "PLINTH_PERMISSION"],
    ["that is not set", "UNSET_KEY", "PLINTH_SECRET_MISSING"],
    ["with a line break", "BROKEN_KEY", "PLINTH_PAYLOAD"],
  ])("a secret %s is never sent", async (_what, name, code) => {
    const manifest = { permissions: { net: ["api.example.com"], secrets: ["UNSET_KEY", "BROKEN_KEY"] } };
    expect(await codeOf(run(manifest, "fetch", { url: "https://api.example.com/", headers: { x: `{{plinth-secret:${name}}}` } }))).toBe(code);
  });

  it("whether an undeclared secret exists is not told", async () => {
    expect(await run({}, "secretExists", "LAB_KEY")).toEqual({ value: false });
  });

  it("the operator's grants narrow what was declared, and never widen it", async () => {
    const source = bare("test.bare", { permissions: { net: ["a.example", "b.example"] } });
    product = await Product.create(wordsExtension, secrets, egress, source);
    const host = await product.boot({ config: config({ grants: { net: ["b.example", "c.example"] } }) });
    const { value } = await call(host, "test.words.lab", "bare", "run", { op: "fetch", args: [{ url: "http://b.example/" }] });
    const sent = typeof value[1] === "string" ? value[1] : Buffer.from(Object.values(value[1]) as number[]).toString();
    expect(JSON.parse(sent).hosts).toEqual(["b.example"]);
  });

  it("work for a principal needs the permission; nobody acts for the system", async () => {
    for (const role of ["owner", "system", "root", undefined]) {
      const attempt = run({ ...usesLab, permissions: { principals: ["guest"] } }, "work", { role, via: "x" });
      expect(await codeOf(attempt)).toBe("PLINTH_PERMISSION");
      await product.dispose();
    }
    const { value } = await run({ ...usesLab, permissions: { principals: ["guest"] } }, "work", {
      role: "guest",
      via: "door",
      name: "Ann",
      extra: 1,
    });
    expect(value.principal).toEqual({ role: "guest", via: "test.bare:door", name: "Ann" });
  });
});

const service = { contract: "plinth.service", version: "1.0.0", id: "bare", descriptor: { title: "Bare" } };

describe("administration", () => {
  const config = (tier: string) => JSON.stringify({ extensions: { "test.bare": { tier } } });
  const uses = {
    uses: [
      { contract: "plinth.host-admin", range: "^1" },
      { contract: "plinth.kernel", range: "^1" },
    ],
  };

  it("is for owners' work only", async () => {
    product = await Product.create(wordsExtension);
    const host = await product.boot();
    const stop = (as?: typeof OWNER) => codeOf(call(host, "plinth.host-admin", "kernel", "enable", { id: "test.words", enabled: true }, as));
    expect([await stop(), await stop(GUEST), await stop({ role: "system", via: "x" }), await stop(OWNER)]).toEqual([
      "PLINTH_PERMISSION",
      "PLINTH_PERMISSION",
      "PLINTH_PERMISSION",
      "none",
    ]);
  });

  it("is refused to a third-party extension, even in an owner's work", async () => {
    product = await Product.create(wordsExtension);
    const host = await product.boot();
    const { install } = await import("./product.ts");
    await install(host, await product.package(bare("acme.bare", uses)));
    for (const [contract, method] of [
      ["plinth.kernel", "snapshot"],
      ["plinth.host-admin", "stop"],
    ]) {
      const attempt = call(host, "test.words.lab", "bare", "run", { op: "call", args: [contract, null, method, {}] }, OWNER);
      expect(await codeOf(attempt)).toBe("PLINTH_PERMISSION");
    }
  });

  it("is open to first-party extensions that declare it", async () => {
    product = await Product.create(wordsExtension, bare("test.bare", uses));
    const host = await product.boot({ config: config("host") });
    const input = { op: "call", args: ["plinth.host-admin", null, "enable", { id: "test.words", enabled: true }] };
    expect(await codeOf(call(host, "test.words.lab", "bare", "run", input, GUEST))).toBe("PLINTH_PERMISSION");
    expect(await codeOf(call(host, "test.words.lab", "bare", "run", input, OWNER))).toBe("none");
  });
});

describe("frames that an extension's process makes up", () => {
  const forge = `
    const frame = (message) => { const body = Buffer.from(JSON.stringify([message])); const head = Buffer.alloc(4); head.writeUInt32BE(body.length); return Buffer.concat([head, body]); };
    const { writeSync } = await import("node:fs");
    const send = (message) => writeSync(3, frame(message));`;
  const config = JSON.stringify({ extensions: { "test.forger": { tier: "process" } } });

  it("a work id that was kept or guessed gives no authority", async () => {
    const run = `${forge}
      const kept = globalThis.kept; globalThis.kept = ctx.currentWork()?.id;
      if (kept) for (const work of [kept, "main", kept.replace(/.$/, "1"), "__proto__"])
        send(["call", 1_000_000 + Math.floor(Math.random() * 1e6), "call", { contract: "test.words.lab", id: "recorder", method: "run", input: { work } }, { work }]);
      return {};`;
    const recorder = lab("test.recorder", {
      top: "const seen = [];",
      run: "if (input.tell) return seen; seen.push(call.work?.principal ?? null); return {};",
    });
    product = await Product.create(wordsExtension, recorder, lab("test.forger", { run }, usesLab));
    const host = await product.boot({ config });
    await call(host, "test.words.lab", "forger", "run", {}, OWNER);
    await call(host, "test.words.lab", "forger", "run");
    await expect.poll(() => call(host, "test.words.lab", "recorder", "run", { tell: true })).toEqual([null, null, null, null]);
  });

  it.each([
    ["garbage", "writeSync(3, Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]));"],
    ["a frame over the limit", "writeSync(3, Buffer.from([255, 255, 255, 255]));"],
    ["an unknown kind", 'send(["own", 1]);'],
    [
      "a call id that is in use",
      'for (let n = 0; n < 2; n++) send(["call", 77, "call", { contract: "test.words.lab", id: "slow", method: "run" }, {}]);',
    ],
  ])("%s ends the process and the call, and nothing else", async (_what, attack) => {
    product = await Product.create(
      wordsExtension,
      lab("test.slow", { run: "return new Promise((done) => setTimeout(done, 500));" }),
      lab("test.forger", { run: `${forge} ${attack} await new Promise(() => {});` }, usesLab),
    );
    const host = await product.boot({ config });
    expect(await codeOf(call(host, "test.words.lab", "forger", "run"))).toBe("PLINTH_PROTOCOL");
    expect(await codeOf(call(host, "test.words.lab", "words", "who"))).toBe("none");
    await expect.poll(() => host.supervisor.fault("test.forger")?.phase).toBe("exit");
  });

  it.each(["start", "constructor", "__proto__", "store", "work.steal"])("the request %s does not exist", async (method) => {
    const run = `${forge} send(["call", 99, "${method}", {}, {}]); send(["call", 100, "${method}", {}, { stream: true }]); return "still here";`;
    product = await Product.create(wordsExtension, lab("test.forger", { run }));
    const host = await product.boot({ config });
    expect(await call(host, "test.words.lab", "forger", "run")).toBe("still here");
    expect(await call(host, "test.words.lab", "forger", "run")).toBe("still here");
  });
});

it("payloads that cross a tier must fit the contract, both ways", async () => {
  const source: Source = {
    manifest: { id: "test.calm", provides: [{ ...service, id: "calm" }] },
    code: `export default defineExtension({ activate(ctx) {
      ctx.provide("plinth.service", "calm", { start: ({ options }) => options?.bad ? { detail: 7 } : { detail: {} }, stop: () => ({}) });
    } });`,
  };
  product = await Product.create(wordsExtension, source);
  const host = await product.boot({ config: JSON.stringify({ extensions: { "test.calm": { tier: "process" } } }) });
  await expect(call(host, "plinth.service", "calm", "start", { options: 5 })).rejects.toMatchObject({ code: "PLINTH_PAYLOAD", extension: "host" });
  await expect(call(host, "plinth.service", "calm", "start", { options: { bad: true } })).rejects.toMatchObject({
    code: "PLINTH_PAYLOAD",
    extension: "test.calm",
  });
  expect(await call(host, "plinth.service", "calm", "start", {})).toEqual({ detail: {} });
});

it("the slots that see values in clear are for the host tier only", async () => {
  product = await Product.create(wordsExtension, secrets, egress, bare("test.bare", { permissions: { net: ["a.example"], secrets: ["LAB_KEY"] } }));
  const host = await product.boot({
    config: JSON.stringify({ extensions: { "test.egress": { tier: "process" }, "test.secrets": { tier: "process" } } }),
  });
  const run = (op: string, arg: unknown) => codeOf(call(host, "test.words.lab", "bare", "run", { op, args: [arg] }));
  expect(await run("fetch", { url: "http://a.example/" })).toBe("PLINTH_PERMISSION");
  expect(await run("secretExists", "LAB_KEY")).toBe("PLINTH_PERMISSION");
});

describe("folders, in the process tier", () => {
  const run = `
    const fs = await import("node:fs"); const attempt = (body) => { try { body(); return "done"; } catch (error) { return error.code; } };
    return { read: attempt(() => fs.readFileSync(input.path)), write: attempt(() => fs.writeFileSync(input.path, "x")) };`;

  it.each([
    ["data", undefined, { read: "done", write: "done" }],
    ["data:ro", undefined, { read: "done", write: "ERR_ACCESS_DENIED" }],
    ["workspace:ro", undefined, { read: "done", write: "ERR_ACCESS_DENIED" }],
    ["workspace", { fs: [] }, { read: "ERR_ACCESS_DENIED", write: "ERR_ACCESS_DENIED" }],
  ])("%s with the grants %j gives %j", async (entry, grants, expected) => {
    product = await Product.create(wordsExtension, lab("test.calm", { run }, { permissions: { fs: [entry] } }));
    const folder = join(product.home, entry.startsWith("data") ? "state/test.calm" : "workspace");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "note"), "kept");
    const host = await product.boot({ config: JSON.stringify({ extensions: { "test.calm": { tier: "process", ...(grants ? { grants } : {}) } } }) });
    expect(await call(host, "test.words.lab", "calm", "run", { path: join(folder, "note") })).toEqual(expected);
  });
});
