import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesDigest, treeDigest } from "../digest.ts";
import { readPackage } from "../home/candidate.ts";
import { type CatalogRecord, readInstalled } from "../home/installed.ts";
import type { Manifest } from "../schema/extension.ts";
import { imitation } from "./imitation.ts";
import { resolve } from "./resolver.ts";

const ID = "plinth.extra";
let folder: string;
let digest: string;

const manifestOf = (id: string): Manifest => ({
  id,
  version: "1.0.0",
  title: "Extra",
  description: "More.",
  engines: { plinth: "^0.1.0" },
  entry: "./index.js",
  tiers: ["host", "process"],
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-ours-"));
  await mkdir(join(folder, "package"));
  await writeFile(join(folder, "package/plinth.json"), JSON.stringify(manifestOf(ID)));
  await writeFile(join(folder, "package/index.js"), "export default 1;\n");
  ({ digest } = await treeDigest(ID, join(folder, "package")));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a package under the product's name", () => {
  it("is the product's own when the product names its bytes, and no other", async () => {
    const product = { packages: { [ID]: digest } };
    expect(await readPackage(join(folder, "package"), product)).toMatchObject({ own: true, bundled: false });
    await writeFile(join(folder, "package/index.js"), "export default 2;\n");
    await expect(readPackage(join(folder, "package"), product)).rejects.toMatchObject({ code: "PLINTH_PRODUCT_DIFFERS" });
    const stranger = await readPackage(join(folder, "package"), { packages: {} });
    expect(stranger).not.toHaveProperty("own");
    expect(imitation(stranger.manifest, [])).toMatchObject({ code: "PLINTH_RESERVED" });
  });

  it("has the same digest in memory and on the disk, whatever its paths", async () => {
    const files = new Map(["b", "a/b", "a.b", "a/c/d", "a-b", "B/x", "é/ü"].map((path) => [path, Buffer.from(`of ${path}`)]));
    for (const [path, bytes] of files) {
      await mkdir(join(folder, "tree", path, ".."), { recursive: true });
      await writeFile(join(folder, "tree", path), bytes);
    }
    expect(filesDigest(files)).toBe((await treeDigest(ID, join(folder, "tree"))).digest);
  });

  it("runs in the host while it is of this product, and not at all when it is of another", () => {
    const plan = (record: Pick<CatalogRecord, "bundled" | "own">) =>
      resolve({
        records: [{ manifest: manifestOf(ID), digest, dir: folder, ...record }],
        config: {},
        lock: { lockfile: 1, extensions: {} },
        hostVersion: "0.1.0",
        slots: {},
        exclude: () => null,
      });
    expect(plan({ bundled: false, own: true }).extensions.get(ID)?.tier).toBe("host");
    const other = plan({ bundled: false });
    expect(other.extensions.has(ID)).toBe(false);
    expect(other.blocked.get(ID)).toMatchObject({ code: "PLINTH_PRODUCT_DIFFERS", next: expect.stringContaining(`plinth plugins update ${ID}`) });
  });

  it("is known again by its bytes, and left out where it has become a part of what is on by default", async () => {
    const entry = { version: "1.0.0", digest, source: `registry:${ID}@1.0.0`, pinnedBy: "operator", reason: "asked for" };
    const lock = JSON.stringify({ lockfile: 1, extensions: { [ID]: entry } });
    const records = [{ manifest: manifestOf(ID), digest }];
    await writeFile(join(folder, "installed.json"), JSON.stringify({ installed: 1, lock, grants: {}, records, removed: [] }));
    const read = async (product: object) => (await readInstalled(folder, product)).records.map(({ own }) => own === true);
    expect(await read({ packages: { [ID]: digest } })).toEqual([true]);
    expect(await read({ packages: { [ID]: "0".repeat(128) } })).toEqual([false]);
    expect(await read({ default: [ID] })).toEqual([]);
  });
});
