import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listOf } from "./list-of.testing.ts";
import { tileHashes, tilePath } from "./log-tiles.ts";
import { appendToLog, readEvents, readTile } from "./log-writer.ts";
import {
  consistencyProof,
  EMPTY_ROOT,
  type Head,
  inclusionProof,
  leafHash,
  nodeHash,
  type ReadHash,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from "./merkle-proof.ts";
import { StagedFiles } from "./staged-files.ts";

async function append(dir: string, size: number, events: readonly string[]): Promise<Head> {
  const files = new StagedFiles(dir);
  const head = await appendToLog(files, size, events);
  await files.write();
  return head;
}

/** The definition of RFC 9162, section 2.1.1, word for word. */
function definition(leaves: readonly string[]): Buffer {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leafHash(leaves[0]!);
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return nodeHash(definition(leaves.slice(0, half)), definition(leaves.slice(half)));
}

const inMemory =
  (leaves: readonly string[]): ReadHash =>
  (level, index) =>
    definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));
const leavesOf = (count: number) => Array.from({ length: count }, (_, at) => `event ${at}`);
const sizes = fc.tuple(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 })).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

describe("the tree of RFC 9162", () => {
  it("has the roots of the reference implementation's test data", async () => {
    const data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const leaves = data.map((hex) => Buffer.from(hex, "hex").toString("latin1"));
    expect(EMPTY_ROOT.toString("hex")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect((await rootHash(1, inMemory(leaves))).toString("hex")).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect((await rootHash(8, inMemory(leaves))).toString("hex")).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
  });

  it("proves each leaf, and no other one in its place", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), async (size, a, b) => {
        const leaves = leavesOf(size);
        const [index, other] = [a % size, b % size];
        const root = definition(leaves);
        const proof = await inclusionProof(index, size, inMemory(leaves));
        expect(verifyInclusion(leafHash(leaves[index]!), index, size, proof, root)).toBe(true);
        expect(verifyInclusion(leafHash(leaves[other]!), index, size, proof, root)).toBe(other === index);
        expect(verifyInclusion(leafHash(leaves[index]!), other, size, proof, root)).toBe(other === index);
        expect(verifyInclusion(leafHash("other"), index, size, proof, root)).toBe(false);
        expect(verifyInclusion(leafHash(leaves[index]!), index, size, [...proof, root], root)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  it("proves that it only grew, and never that it did when a leaf changed", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async ([before, after], at) => {
        const leaves = leavesOf(after);
        const old = { size: before, root: definition(leaves.slice(0, before)) };
        const proof = before === 0 ? [] : await consistencyProof(before, after, inMemory(leaves));
        expect(verifyConsistency(old, { size: after, root: definition(leaves) }, proof)).toBe(true);
        if (before === 0) return;
        const rewritten = leaves.with(at % before, "rewritten");
        const forged = await consistencyProof(before, after, inMemory(rewritten));
        expect(verifyConsistency(old, { size: after, root: definition(rewritten) }, forged)).toBe(false);
        expect(verifyConsistency({ size: after + 1, root: old.root }, { size: after, root: definition(leaves) }, proof)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe("tiles", () => {
  it("hold the same tree, however the events came, over the edge of a tile", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 }), async (batches) => {
        const dir = await mkdtemp(join(tmpdir(), "plinth-tiles-"));
        try {
          const all = leavesOf(batches.reduce((sum, count) => sum + count, 0));
          let size = 0;
          for (const count of batches) {
            const head = await append(dir, size, all.slice(size, size + count));
            size += count;
            expect(head).toEqual({ size, root: definition(all.slice(0, size)) });
          }
          expect(await listOf(readEvents(dir, size))).toEqual(all);
          // What an older head names is still there, in a partial tile or in the full one that replaced it.
          const old = tileHashes(batches[0]!, (tile) => readTile(new StagedFiles(dir), tile));
          expect(await rootHash(batches[0]!, old)).toEqual(definition(all.slice(0, batches[0])));
        } finally {
          await rm(dir, { recursive: true });
        }
      }),
      { numRuns: 10 },
    );
  });

  it("that a dead writer left unsigned are written over", async () => {
    const dir = await mkdtemp(join(tmpdir(), "plinth-tiles-"));
    await append(dir, 0, ["a", "b"]);
    await append(dir, 2, leavesOf(300));
    expect((await append(dir, 2, ["c"])).root).toEqual(definition(["a", "b", "c"]));
    expect(await listOf(readEvents(dir, 3))).toEqual(["a", "b", "c"]);
    expect((await readdir(join(dir, "log/tile/0"))).sort()).toContain("000.p");
    await rm(dir, { recursive: true });
  });

  it("lie where C2SP tlog-tiles says", () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe("tile/0/x001/x234/067");
    expect(tilePath({ level: 1, index: 0, width: 7 })).toBe("tile/1/000.p/7");
    expect(tilePath({ level: "entries", index: 1000, width: 256 })).toBe("tile/entries/x001/000");
  });
});
