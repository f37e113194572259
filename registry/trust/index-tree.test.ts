import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_TREE, type Leaf, lookUp, pageHash, reachable, update } from "./index-tree.ts";
import { listOf } from "./list-of.testing.ts";

class Pages {
  readonly texts = new Map<string, string>();
  root = EMPTY_TREE;
  readonly read = async (hash: string): Promise<string> => this.texts.get(hash)!;

  async put(changes: ReadonlyMap<string, Leaf | undefined>): Promise<Map<string, string>> {
    const { root, pages } = await update(this.root, changes, this.read);
    for (const [hash, text] of pages) this.texts.set(hash, text);
    this.root = root;
    return pages;
  }
}

const leaf = (seed: number): Leaf => ({ sha256: pageHash(String(seed)), length: seed + 1 });
const pathOf = (at: number) => `packages/demo/p${at}.json`;

describe("the tree of index files", () => {
  it("finds what was put in last, and nothing else", async () => {
    const change = fc.tuple(fc.nat(30), fc.option(fc.nat(1000), { nil: undefined }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { minLength: 1, maxLength: 5 }), { maxLength: 20 }), async (batches) => {
        const pages = new Pages();
        const known = new Map<string, Leaf | undefined>();
        for (const batch of batches) {
          const changes = new Map(batch.map(([at, seed]) => [pathOf(at), seed === undefined ? undefined : leaf(seed)]));
          await pages.put(changes);
          for (const [path, value] of changes) known.set(path, value);
        }
        for (let at = 0; at <= 30; at++) {
          if (pages.root !== EMPTY_TREE) expect(await lookUp(pages.root, pathOf(at), pages.read)).toEqual(known.get(pathOf(at)));
        }
      }),
      { numRuns: 50 },
    );
  });

  it("has one root for one content, however it came about", async () => {
    const [one, two] = [new Pages(), new Pages()];
    const paths = Array.from({ length: 200 }, (_, at) => pathOf(at));
    await one.put(new Map(paths.map((path, at) => [path, leaf(at)])));
    for (const [at, path] of [...paths.entries()].reverse()) await two.put(new Map([[path, leaf(at)]]));
    await two.put(new Map([[pathOf(999), leaf(1)]]));
    await two.put(new Map([[pathOf(999), undefined]]));
    expect(two.root).toBe(one.root);
  });

  it("costs a few KB for a change or a look among 50,000 packages", async () => {
    const pages = new Pages();
    await pages.put(new Map(Array.from({ length: 50_000 }, (_, at) => [pathOf(at), leaf(at)])));
    const written = await pages.put(new Map([[pathOf(77), leaf(1)]]));
    expect(written.size).toBe(4);
    expect([...written.values()].reduce((sum, text) => sum + text.length, 0)).toBeLessThan(8 * 1024);
    let read = 0;
    await lookUp(pages.root, pathOf(4711), async (hash) => {
      const text = await pages.read(hash);
      read += text.length;
      return text;
    });
    expect(read).toBeLessThan(8 * 1024);
    expect((await listOf(reachable(pages.root, pages.read))).length).toBe(1 + 16 + 256 + 4096);
  });

  it("refuses a page of another form", async () => {
    for (const text of ["", "plinth-tree-node 1\nx", "plinth-tree-node 1\ng 00\n", "plinth-tree-list 1\n", "<html>"]) {
      await expect(lookUp(EMPTY_TREE, "a", async () => text)).rejects.toMatchObject({ code: "PLINTH_TRUST_INVALID" });
    }
  });
});
