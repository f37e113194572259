import { chmod, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CodeCache } from "./code-cache.ts";
import { IsolateHost } from "./isolate-host.ts";
import { start, tool, use, useIsolates } from "./isolates.testing.ts";

useIsolates();

const LIMITS = { processMb: 256, heapMb: 48 };
const SOURCE = `export default ${JSON.stringify("x".repeat(40_000))}; ${"export const f = () => 1;\n".replace("f", "f1")}`;
let dir: string;
let compilers: IsolateHost[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "plinth-code-"));
  compilers = [];
});
afterEach(async () => {
  await Promise.all(compilers.map((one) => one.ended));
  await rm(dir, { recursive: true, force: true });
});

const cacheIn = (folder: string | null): CodeCache =>
  new CodeCache(
    folder,
    () => {
      const host = new IsolateHost(LIMITS);
      compilers.push(host);
      return host;
    },
    1,
  );

describe("compiled code", () => {
  it("is made in a process of its own and kept", async () => {
    const cache = cacheIn(dir);
    expect(await cache.read(SOURCE)).toBeUndefined();
    cache.keep(SOURCE, undefined);
    await expect.poll(() => cache.read(SOURCE), { timeout: 10_000 }).toEqual(expect.any(String));
    expect(compilers).toHaveLength(1);
    expect(compilers[0]?.over).toBe(true);
    expect(await readdir(dir)).toEqual([expect.stringMatching(/^[0-9a-f]{16}-[0-9a-f]{64}\.code$/)]);
    expect(await cache.read(`${SOURCE} `)).toBeUndefined();
  });

  it("that was changed is ignored", async () => {
    const cache = cacheIn(dir);
    cache.keep(SOURCE, undefined);
    await expect.poll(() => cache.read(SOURCE), { timeout: 10_000 }).toEqual(expect.any(String));
    const file = join(dir, (await readdir(dir))[0] as string);
    const all = await readFile(file);
    all[all.length - 5] = (all[all.length - 5] as number) ^ 1;
    await writeFile(file, all);
    expect(await cache.read(SOURCE)).toBeUndefined();
    await writeFile(file, "");
    expect(await cache.read(SOURCE)).toBeUndefined();
  });

  it("that others could have written is ignored, and so is a link to some", async () => {
    const cache = cacheIn(dir);
    cache.keep(SOURCE, undefined);
    await expect.poll(() => cache.read(SOURCE), { timeout: 10_000 }).toEqual(expect.any(String));
    const file = join(dir, (await readdir(dir))[0] as string);
    for (const mode of [0o620, 0o602]) {
      await chmod(file, mode);
      expect(await cache.read(SOURCE)).toBeUndefined();
    }
    await chmod(file, 0o600);
    expect(await cache.read(SOURCE)).toEqual(expect.any(String));
    await rename(file, `${file}.elsewhere`);
    await symlink(`${file}.elsewhere`, file);
    expect(await cache.read(SOURCE)).toBeUndefined();
  });

  it("of what does not compile, or is small, is not made", async () => {
    const cache = cacheIn(dir);
    cache.keep("export default 1;", undefined);
    cache.keep(`${SOURCE} this is no code`, undefined);
    await expect.poll(() => compilers[0]?.over, { timeout: 10_000 }).toBe(true);
    expect(compilers).toHaveLength(1);
    expect(await readdir(dir)).toEqual([]);
  });

  it("that does not fit the engine is as good as none", async () => {
    const big = `globalThis.filler = ${JSON.stringify("x".repeat(40_000))};`;
    const host = await start([tool("one.big", "return text('well');", {}, big)]);
    const wrong = Buffer.from("nothing that the engine knows").toString("base64");
    const read = CodeCache.prototype.read;
    CodeCache.prototype.read = async () => wrong;
    try {
      expect(await use(host, "one.big")).toBe("well");
    } finally {
      CodeCache.prototype.read = read;
    }
  });
});
