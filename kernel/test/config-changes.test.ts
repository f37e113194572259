import { lstat, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Host } from "../host.ts";
import { admin, call, codeOf, Product, snapshot } from "./product.ts";
import { lab, wordsExtension } from "./sources.ts";

const schema = { type: "object", properties: { size: { type: "integer", maximum: 9 } }, additionalProperties: false };
const CALM = 'extensions["test.calm"]';
let product: Product;
let host: Host;
beforeEach(async () => {
  product = await Product.create(wordsExtension, lab("test.calm", {}, { config: schema }));
});
afterEach(() => product.dispose());

const file = (): string => join(product.home, "plinth.json");
const set = (path: string, value?: unknown, force?: boolean): Promise<unknown> => admin(host, "configSet", { path, value, force });
const sizeInForce = async (): Promise<unknown> => (await call(host, "test.words.lab", "calm", "run")).config.size;
const problems = async (): Promise<{ code: string; message: string }[]> => (await snapshot(host)).problems;

describe("a setting that would break the host is refused, and the file stays as it is", () => {
  const text = "{\n  // mine\n  log: { level: 'silent' },\n}\n";
  beforeEach(async () => {
    host = await product.boot({ config: text });
  });

  it.each([
    ["a mistyped key", `${CALM}.config.sise`, 3, "PLINTH_CONFIG_INVALID", 'unknown key "sise"; did you mean "size"? (line 7, column 9)', false],
    ["a value that does not fit", `${CALM}.config.size`, 10, "PLINTH_CONFIG_INVALID", "config/size", false],
    ["a version that is not here", `${CALM}.version`, "^2", "PLINTH_VERSION_CONFLICT", "^2", true],
    ["an extension that is not here", 'extensions["test.clam"].enabled', true, "PLINTH_NOT_INSTALLED", "test.clam is not installed", true],
    ["a slot that nobody defines", 'slots["test.words.lob"]', "test.words", "PLINTH_CONTRACT_UNKNOWN", "names a contract that nobody defines", true],
    ["a provider that is not here", 'slots["plinth.kv-store"]', "test.stor", "PLINTH_NOT_INSTALLED", "test.stor is not installed", false],
  ])("%s", async (_what, path, value, code, message, forceable) => {
    await expect(set(path, value)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await product.readHome("plinth.json")).toBe(text);
    expect(host.current.number).toBe(1);
    expect(await codeOf(set(path, value, true))).toBe(forceable ? "none" : code);
  });

  it("and a mistake that somebody saved is taken out again", async () => {
    await writeFile(file(), "{ extensionz: {}, log: { level: 'silent' } }");
    await expect(set("log.level", "error")).rejects.toMatchObject({
      code: "PLINTH_CONFIG_INVALID",
      next: expect.stringContaining("Correct the file there, or move it away"),
    });
    expect(await codeOf(set("extensionz"))).toBe("none");
    expect(await product.readHome("plinth.json")).not.toContain("extensionz");
  });

  it("but a name with a version is an order for what is to be installed", async () => {
    expect(await codeOf(set('extensions["acme.later"].version', "^1"))).toBe("none");
  });
});

describe("what is kept", () => {
  it("brings the text back as it was, comments and all, step by step, and by number", async () => {
    host = await product.boot({ config: "{ // one\n}" });
    for (const size of [1, 2, 3]) await set(`${CALM}.config.size`, size);
    const [newest] = (await admin(host, "configVersions", {})).kept;
    expect(await admin(host, "configUndo", {})).toMatchObject({ number: newest.number - 1 });
    expect(await sizeInForce()).toBe(2);
    await admin(host, "configUndo", {});
    await admin(host, "configUndo", {});
    expect(await product.readHome("plinth.json")).toBe("{ // one\n}");
    expect(await codeOf(admin(host, "configUndo", {}))).toBe("PLINTH_CONFIG_VERSION");
    await admin(host, "configUndo", { number: newest.number });
    expect(await sizeInForce()).toBe(3);
  });

  it("is bounded", async () => {
    host = await product.boot();
    for (let size = 0; size < 25; size++) await set(`${CALM}.config.size`, size % 10);
    expect((await admin(host, "configVersions", {})).kept).toHaveLength(20);
  });

  it("is what a start falls back to when the file cannot be read, and says so; an undo mends the file", async () => {
    host = await product.boot();
    await set(`${CALM}.config.size`, 7);
    await host.stop();
    await writeFile(file(), "{\n  extensions: {,\n}");
    host = await product.boot();
    expect(await sizeInForce()).toBe(7);
    expect(await problems()).toEqual([
      expect.objectContaining({ code: "PLINTH_CONFIG_INVALID", message: expect.stringMatching(/line 2, column 16[\s\S]*In force is the last good/) }),
    ]);
    expect(await codeOf(set(`${CALM}.config.size`, 8))).toBe("PLINTH_CONFIG_INVALID");
    expect((await admin(host, "configCheck", {})).problems).toEqual([expect.objectContaining({ code: "PLINTH_CONFIG_INVALID" })]);
    await admin(host, "configUndo", {});
    expect(await problems()).toEqual([]);
    expect((await admin(host, "configCheck", {})).problems).toEqual([]);
    expect(await sizeInForce()).toBe(7);
  });
});

describe("an edit by hand", () => {
  const config = (size: number): string => JSON.stringify({ extensions: { "test.calm": { config: { size } } } });
  beforeEach(async () => {
    host = await product.boot({ config: config(1), counted: true });
  });

  it("takes effect, written in place or put in place by a rename", async () => {
    await writeFile(file(), config(2));
    await expect.poll(sizeInForce).toBe(2);
    await writeFile(`${file()}~`, config(3));
    await rename(`${file()}~`, file());
    await expect.poll(sizeInForce).toBe(3);
    await writeFile(file(), `\uFEFF${config(4).replaceAll(",", ",\r\n")}\r\n`);
    await expect.poll(sizeInForce).toBe(4);
  });

  it.each([
    ["is not JSON5", "{ extensions: ", "line 1, column 15"],
    ["does not fit", '{\n "extensions": {\n  "test.calm": { "config": { "sise": 1 } } } }', "(line 3, column 30)"],
    ["is empty, as it is while some editors write", "", "it is empty or gone"],
  ])("that %s is told with its place; what runs stays as it is until the file is mended", async (_what, text, place) => {
    await writeFile(file(), text);
    await expect.poll(async () => (await problems())[0]?.message).toContain(place);
    expect((await problems())[0]?.message).toContain("In force is the last good configuration");
    expect(await sizeInForce()).toBe(1);
    await writeFile(file(), config(5));
    await expect.poll(sizeInForce).toBe(5);
    expect(await problems()).toEqual([]);
  });
});

describe("a file that is a link", () => {
  it("stays one: what it leads to is edited, with its mark, its line ends and its mode, and is watched", async () => {
    await mkdir(join(product.root, "dotfiles"));
    const real = join(product.root, "dotfiles", "plinth.json");
    await writeFile(real, '\uFEFF{ // mine\r\n  "log": {}\r\n}\r\n', { mode: 0o640 });
    await symlink(real, file());
    host = await product.boot({ counted: true });
    await set(`${CALM}.config.size`, 6);
    expect((await lstat(file())).isSymbolicLink()).toBe(true);
    const text = await readFile(real, "utf8");
    expect(text.startsWith("\uFEFF{ // mine\r\n")).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect((await lstat(real)).mode & 0o777).toBe(0o640);
    await writeFile(real, text.replace("6", "8"));
    await expect.poll(sizeInForce).toBe(8);
  });
});

it("two hosts of one home change it in turn: neither loses what the other did", async () => {
  const config = { extensions: { "test.calm": { config: { size: 1 } } } };
  const [one, other] = [await product.boot({ config: JSON.stringify(config) }), await product.boot()];
  const level = (size: number) => ({ path: `${CALM}.config.size`, value: size });
  await Promise.all([
    admin(one, "configSet", level(2)),
    admin(other, "configSet", { path: "log.level", value: "silent" }),
    admin(one, "configSet", { path: "policy.drainMs", value: 0 }),
    admin(other, "configSet", { path: "policy.validate", value: true }),
  ]);
  expect(JSON.parse(await product.readHome("plinth.json"))).toEqual({
    extensions: { "test.calm": { config: { size: 2 } } },
    log: { level: "silent" },
    policy: { drainMs: 0, validate: true },
  });
});
