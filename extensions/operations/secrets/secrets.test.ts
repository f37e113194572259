import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { defineExtension } from "@plinth/sdk";
import { createTestHost, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

const NAME = "PLINTH_TEST_SECRET";
const VALUE = "value-that-nobody-may-see";

/** Asks for a secret by itself, as an extension that wants to see its value would. */
const thief = {
  manifest: {
    id: "acme.thief",
    version: "1.0.0",
    title: "Thief",
    description: "Asks directly.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    uses: [{ contract: "plinth.secret-source", range: "^1" }],
    provides: [
      { contract: "plinth.tool", version: "1.0.0", id: "thief", descriptor: { description: "Steals.", input: { type: "object" }, effects: [] } },
    ],
  },
  extension: defineExtension({
    activate(ctx) {
      ctx.provide("plinth.tool", "thief", {
        async call() {
          const value = await ctx.use("plinth.secret-source").one().resolve({ name: NAME });
          return { content: [{ type: "text", text: String(value) }] };
        },
      });
    },
  }),
};

let host: TestHost;
let file: string;
beforeEach(async () => {
  const home = { path: "" };
  host = await createTestHost({
    extensions: [{ manifest, extension }, thief],
    provide: [{ contract: "plinth.kernel", descriptor: { title: "Scripted" }, provider: { snapshot: () => ({ home: home.path }) as never } }],
  });
  home.path = host.home;
  file = join(host.home, "secrets.json");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await host.close();
});

const resolve = (name = NAME) => host.use("plinth.secret-source").one().resolve({ name });
const save = async (text: string, mode = 0o600): Promise<void> => {
  await writeFile(file, text);
  await chmod(file, mode);
};
const failure = () =>
  resolve().then(
    (value) => expect.fail(`it answered ${value}`),
    (thrown: Error & { code: string; next: string }) => thrown,
  );

describe("a secret", () => {
  it("comes from the environment first, then from secrets.json", async () => {
    await save(JSON.stringify({ [NAME]: "from the file" }));
    expect(await resolve()).toBe("from the file");
    vi.stubEnv(NAME, "from the environment");
    expect(await resolve()).toBe("from the environment");
    vi.stubEnv(NAME, "");
    expect(await resolve()).toBe("from the file");
  });

  it("is null when nobody has it: no file, no entry, an empty one, a name that every object has", async () => {
    expect(await resolve()).toBeNull();
    await save(JSON.stringify({ OTHER: "x", [NAME]: "" }));
    expect(await resolve()).toBeNull();
    expect(await resolve("constructor")).toBeNull();
  });

  it("follows the file at once: changed, removed, there again", async () => {
    await save(JSON.stringify({ [NAME]: "one" }));
    expect(await resolve()).toBe("one");
    await save(JSON.stringify({ [NAME]: "two" }));
    expect(await resolve()).toBe("two");
    await rm(file);
    expect(await resolve()).toBeNull();
    await save(JSON.stringify({ [NAME]: "three" }));
    expect(await resolve()).toBe("three");
  });

  it("is given to the host only, not to an extension that asks for it", async () => {
    vi.stubEnv(NAME, VALUE);
    const stolen = host.use("plinth.tool").get("thief").call({ args: {} });
    await expect(stolen).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.thief" });
  });
});

describe("a secret that the owner typed", () => {
  const keep = (name: string, value: string, role: "owner" | "guest" = "owner") =>
    host.as({ role, via: "test" }, () => host.use("plinth.secret-source").one().keep({ name, value }));

  it("is kept in secrets.json beside the others, for its owner alone", async () => {
    expect(await keep(NAME, VALUE)).toEqual({ where: file });
    await keep("OTHER", "x");
    expect(await resolve()).toBe(VALUE);
    expect(await resolve("OTHER")).toBe("x");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it("is not kept for a guest, nor over a file that cannot be read", async () => {
    await expect(keep(NAME, VALUE, "guest")).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await save("{ half");
    await expect(keep(NAME, VALUE)).rejects.toMatchObject({ code: "PLINTH_SECRETS_FILE" });
    expect(await readFile(file, "utf8")).toBe("{ half");
  });
});

describe("secrets.json is refused, and no word of it is told, when it", () => {
  const good = JSON.stringify({ [NAME]: VALUE });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ["can be read by the group", () => save(good, 0o640), /chmod 600/],
    ["can be read by everybody", () => save(good, 0o604), /chmod 600/],
    ["can be written by others", () => save(good, 0o622), /chmod 600/],
    ["is not JSON", () => save(`{ "${NAME}": "${VALUE}", }`), /OPENAI_API_KEY/],
    ["is half written", () => save(good.slice(0, -2)), /OPENAI_API_KEY/],
    ["is a list", () => save(JSON.stringify([VALUE])), /OPENAI_API_KEY/],
    ["is a bare string", () => save(JSON.stringify(VALUE)), /OPENAI_API_KEY/],
    ["is null", () => save("null"), /OPENAI_API_KEY/],
    ["is empty", () => save(""), /OPENAI_API_KEY/],
    ["has something else than a string", () => save(JSON.stringify({ [NAME]: { value: VALUE } })), /OPENAI_API_KEY/],
    ["is huge", () => save(JSON.stringify({ [NAME]: VALUE.padEnd(1_100_000) })), /OPENAI_API_KEY/],
    ["is a folder", () => mkdir(file, { mode: 0o700 }), /plain file/],
  ])("%s", async (_what, make, next) => {
    await make();
    const { code, message, next: advice, stack } = await failure();
    expect(code).toBe("PLINTH_SECRETS_FILE");
    expect(message).toContain(file);
    expect(advice).toMatch(next);
    expect(`${message} ${advice} ${stack}`).not.toContain(VALUE);
  });

  it("is a link, wherever it leads", async () => {
    const elsewhere = join(host.home, "elsewhere.json");
    await writeFile(elsewhere, good, { mode: 0o600 });
    await symlink(elsewhere, file);
    expect((await failure()).code).toBe("PLINTH_SECRETS_FILE");
  });

  it.skipIf(process.platform === "win32")("is a pipe, which is not waited for", async () => {
    execFileSync("mkfifo", ["-m", "600", file]);
    expect((await failure()).code).toBe("PLINTH_SECRETS_FILE");
  });

  it("but a variable of the environment needs no file that can be read", async () => {
    await save("not JSON", 0o644);
    vi.stubEnv(NAME, VALUE);
    expect(await resolve()).toBe(VALUE);
  });
});

describe("what is lent", () => {
  const use = { extension: "acme.protocol", origin: "https://api.example.com" };
  const source = () => host.use("plinth.secret-source").one();
  const lend = (more: Partial<{ name: string; to: string; origin: string }> = {}) =>
    source().lend({ name: NAME, to: use.extension, origin: `${use.origin}/v1`, ...more });

  beforeEach(() => {
    vi.stubEnv(NAME, VALUE);
  });

  it("is there for its borrower on its way, and for nobody else and nowhere else", async () => {
    const { name } = await lend();
    expect(name).toMatch(/^LENT_[0-9A-F]{40}$/);
    expect(await source().resolve({ name, use })).toBe(VALUE);
    expect(await source().resolve({ name, use: { ...use, origin: "wss://api.example.com" } })).toBe(VALUE);
    for (const other of [
      { ...use, extension: "acme.other" },
      { ...use, origin: "https://evil.example" },
      { ...use, origin: "http://api.example.com" },
      undefined,
    ])
      expect(await source().resolve({ name, use: other })).toBeNull();
  });

  it("has one name for one borrower and origin, and another for each other", async () => {
    const names = await Promise.all([
      lend(),
      lend(),
      lend({ to: "acme.other" }),
      lend({ origin: "https://api.example.com:8443" }),
      lend({ name: "OTHER" }),
    ]);
    expect(names[1]).toEqual(names[0]);
    expect(new Set(names.map(({ name }) => name)).size).toBe(4);
  });

  it("is what was held last for its purpose, which has no name that is good for anything else", async () => {
    const held = await source().hold({ purpose: "acme:work", value: "first-value" });
    expect(await source().resolve({ name: held.name, use })).toBeNull();
    const { name } = await lend({ name: held.name });
    expect(await source().resolve({ name, use })).toBe("first-value");
    expect(await source().hold({ purpose: "acme:work", value: "second-value" })).toEqual(held);
    expect(await source().resolve({ name, use })).toBe("second-value");
    expect(await source().resolve({ name })).toBeNull();
  });

  it("is not lent on, and goes to an address only", async () => {
    const { name } = await lend();
    await expect(lend({ name })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    for (const origin of ["data:text/plain,x", "nowhere"]) await expect(lend({ origin })).rejects.toMatchObject({ code: "PLINTH_BAD_INPUT" });
  });
});
