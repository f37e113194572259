import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unpackHere } from "./archive.ts";
import { type ZipEntry, zipOf } from "./zip.testing.ts";

let into: string;
beforeEach(async () => {
  into = await mkdtemp(join(tmpdir(), "plinth-zip-"));
});
afterEach(() => rm(into, { recursive: true, force: true }));

const manifest: ZipEntry = { name: "plinth.json", text: "{}" };
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string }) => thrown.code ?? "no code",
  );

describe("a zipped package", () => {
  it("is unpacked like a tarball, from its top or from the one folder that it lies in", async () => {
    await unpackHere(zipOf([manifest, { name: "assets/", mode: 0o040755 }, { name: "assets/a.txt", text: "a" }]), into);
    expect(await readFile(join(into, "assets/a.txt"), "utf8")).toBe("a");
    await rm(into, { recursive: true });
    into = await mkdtemp(join(tmpdir(), "plinth-zip-"));
    await unpackHere(
      zipOf([
        { name: "dice-1.0.0/plinth.json", text: "{}" },
        { name: "dice-1.0.0/index.js", text: "1" },
      ]),
      into,
    );
    expect((await readdir(into)).sort()).toEqual(["index.js", "plinth.json"]);
  });

  it.each<[string, ZipEntry[], string]>([
    ["a link", [manifest, { name: "x", text: "/etc/passwd", mode: 0o120777 }], "PLINTH_ARCHIVE_LINK"],
    ["a device", [manifest, { name: "x", mode: 0o020666 }], "PLINTH_ARCHIVE_TYPE"],
    ["a way out", [manifest, { name: "../x", text: "x" }], "PLINTH_ARCHIVE_NAME"],
    ["a way out in the middle", [manifest, { name: "a/../../x", text: "x" }], "PLINTH_ARCHIVE_NAME"],
    ["an absolute path", [manifest, { name: "/tmp/x", text: "x" }], "PLINTH_ARCHIVE_NAME"],
    ["a drive", [manifest, { name: "C:/x", text: "x" }], "PLINTH_ARCHIVE_NAME"],
    ["a backslash", [manifest, { name: "a\\x", text: "x" }], "PLINTH_ARCHIVE_NAME"],
    ["a name twice", [manifest, manifest], "PLINTH_ARCHIVE_DUPLICATE"],
    ["a name twice but for case", [manifest, { name: "Plinth.json", text: "x" }], "PLINTH_ARCHIVE_DUPLICATE"],
    ["a file as a folder", [manifest, { name: "plinth.json/x", text: "x" }], "PLINTH_ARCHIVE_DUPLICATE"],
    ["a file in 25 folders", [manifest, { name: `${"d/".repeat(25)}f` }], "PLINTH_ARCHIVE_NAME"],
    [
      "more folders than it may have, none of them named",
      [manifest, ...Array.from({ length: 700 }, (_, index) => ({ name: `a${index}/b/f` }))],
      "PLINTH_ARCHIVE_ENTRIES",
    ],
    ["a secret", [manifest, { name: "x", text: "x", encrypted: true }], "PLINTH_ARCHIVE_TYPE"],
    ["more than it says", [manifest, { name: "x", text: "0".repeat(100_000), says: 10 }], "PLINTH_ARCHIVE_FORMAT"],
    ["a file that is too large", [manifest, { name: "x", says: 17 * 1_048_576 }], "PLINTH_ARCHIVE_FILE_SIZE"],
    ["too much in all", Array.from({ length: 6 }, (_, at) => ({ name: `x${at}`, text: "0".repeat(15 * 1_048_576) })), "PLINTH_ARCHIVE_SIZE"],
    ["too many files", Array.from({ length: 2_001 }, (_, at) => ({ name: `x${at}` })), "PLINTH_ARCHIVE_ENTRIES"],
  ])("with %s is refused, and leaves nothing", async (_what, entries, code) => {
    expect(await codeOf(unpackHere(zipOf(entries), into))).toBe(code);
    expect(await readdir(into)).toEqual([]);
  });

  it("never writes outside and never leaves a refused one behind, whatever the bytes", async () => {
    const good = zipOf([manifest, { name: "a/b.txt", text: "hello hello hello" }]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), async (changes) => {
        const bytes = Buffer.from(good);
        // The first bytes say that it is a zip file at all.
        for (const [at, value] of changes) bytes[Math.max(4, at)] = value;
        const code = await codeOf(unpackHere(bytes, into));
        expect(code).toMatch(/^(none|PLINTH_ARCHIVE_[A-Z_]+)$/);
        if (code !== "none") expect(await readdir(into)).toEqual([]);
        for (const name of await readdir(into)) await rm(join(into, name), { recursive: true });
      }),
      { numRuns: 150 },
    );
  });
});
