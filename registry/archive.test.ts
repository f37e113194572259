import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Header, type HeaderData, Pax } from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ARCHIVE_LIMITS, readArchive, unpackHere } from "./archive.ts";
import { nameProblem } from "./entry-name.ts";
import { packDirectory, packFiles } from "./pack.ts";

let home: string;
let into: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-archive-"));
  into = join(home, "into");
  await mkdir(into);
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe("packing", () => {
  it("gives the same bytes for the same files, whatever their order, age and mode", async () => {
    const one = join(home, "one");
    const two = join(home, "two");
    for (const [dir, names] of [
      [one, ["b.txt", "a.txt"]],
      [two, ["a.txt", "b.txt"]],
    ] as const) {
      await mkdir(join(dir, "assets"), { recursive: true });
      for (const name of names) await writeFile(join(dir, name), `text of ${name}`, { mode: dir === one ? 0o600 : 0o755 });
      await writeFile(join(dir, "assets", "x.bin"), Buffer.from([0, 1, 2]));
    }
    expect((await packDirectory(one)).equals(await packDirectory(two))).toBe(true);
  });

  it("refuses a link in the folder", async () => {
    const dir = join(home, "dir");
    await mkdir(dir);
    await symlink("/etc/passwd", join(dir, "passwd"));
    await expect(packDirectory(dir)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_LINK", message: expect.stringContaining("passwd") });
  });

  it("refuses names that differ in case only", async () => {
    await expect(
      packFiles([
        ["README.md", "a"],
        ["readme.md", "b"],
      ]),
    ).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_DUPLICATE" });
  });

  it("gives back exactly the files that went in", async () => {
    const name = fc
      .array(fc.string({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join("/"))
      .filter((path) => nameProblem(path) === undefined);
    const files = fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 2_000 })), {
      minLength: 1,
      maxLength: 8,
      selector: ([path]) => path.split("/")[0]!.normalize("NFC").toLowerCase(),
    });
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        const read = await readArchive(await packFiles(given));
        expect([...read.keys()].sort()).toEqual(given.map(([path]) => path).sort());
        for (const [path, bytes] of given) expect(read.get(path)!.equals(bytes)).toBe(true);
        expect(await packFiles([...given].reverse())).toEqual(await packFiles(given));
      }),
      { numRuns: 60 },
    );
  });

  it("keeps long and foreign names", async () => {
    const long = `${"a".repeat(90)}/${"b".repeat(90)}.txt`;
    const read = await readArchive(
      await packFiles([
        [long, "x"],
        ["größe-日本.txt", "y"],
      ]),
    );
    expect([...read.keys()]).toEqual([long, "größe-日本.txt"]);
  });
});

describe("extracting", () => {
  it("strips the root folder and writes plain files", async () => {
    const result = await unpackHere(
      await packFiles([
        ["plinth.json", "{}"],
        ["assets/a/b.txt", "deep"],
      ]),
      into,
    );
    expect(result).toEqual({ files: ["assets/a/b.txt", "plinth.json"], bytes: 6 });
    expect(await readFile(join(into, "assets/a/b.txt"), "utf8")).toBe("deep");
    expect((await stat(join(into, "plinth.json"))).mode & 0o111).toBe(0);
  });

  it("reads a tarball from a file", async () => {
    await writeFile(join(home, "a.tgz"), await packFiles([["x", "1"]]));
    expect((await unpackHere(join(home, "a.tgz"), into)).files).toEqual(["x"]);
  });

  it("takes a tarball made by others, with folders of their own entries", async () => {
    await unpackHere(tarball([{ path: "package/", type: "Directory" }, { path: "package/a/", type: "Directory" }, file("package/a/b")]), into);
    expect(await readFile(join(into, "a/b"), "utf8")).toBe("text");
  });

  it("refuses a folder that has something in it", async () => {
    await writeFile(join(into, "there"), "");
    await expect(unpackHere(await packFiles([["x", "1"]]), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_TARGET" });
    expect(await readdir(into)).toEqual(["there"]);
  });

  const hostile: [what: string, code: string, entries: Entry[], named: string][] = [
    ["a path that climbs out", "NAME", [file("package/../../evil")], "evil"],
    ["an absolute path", "NAME", [file("/etc/evil")], "/etc/evil"],
    ["an absolute path below the root", "NAME", [file("package//etc/evil")], "evil"],
    ["a backslash", "NAME", [file("package/..\\evil")], "evil"],
    ["a NUL in an extended header", "NAME", [{ ...file("package/x"), pax: "package/a\0b" }], "a"],
    ["a newline", "NAME", [file("package/a\nb")], "a"],
    ["a drive letter", "NAME", [file("package/C:evil")], "C:evil"],
    ["a path that climbs out in an extended header", "NAME", [{ ...file("package/x"), pax: "package/../../evil" }], "evil"],
    ["a name of more than 200 characters", "NAME", [{ ...file("package/x"), pax: `package/${"a".repeat(201)}` }], "aaa"],
    ["a symbolic link", "LINK", [{ path: "package/l", type: "SymbolicLink", linkpath: "/etc" }], "package/l"],
    ["a file written through a link", "LINK", [{ path: "package/l", type: "SymbolicLink", linkpath: "/tmp" }, file("package/l/evil")], "package/l"],
    ["a hard link", "LINK", [file("package/a"), { path: "package/l", type: "Link", linkpath: "package/a" }], "package/l"],
    ["a character device", "TYPE", [{ path: "package/d", type: "CharacterDevice" }], "package/d"],
    ["a block device", "TYPE", [{ path: "package/d", type: "BlockDevice" }], "package/d"],
    ["a FIFO", "TYPE", [{ path: "package/f", type: "FIFO" }], "package/f"],
    ["the same name twice", "DUPLICATE", [file("package/a"), file("package/a")], "package/a"],
    ["the same name in another case", "DUPLICATE", [file("package/Index.js"), file("package/index.js")], "package/index.js"],
    ["the same name in another Unicode form", "DUPLICATE", [file("package/\u00e9"), file("package/e\u0301")], "package/"],
    ["a file as a folder", "DUPLICATE", [file("package/a"), file("package/a/b")], "package/a/b"],
    ["a folder as a file", "DUPLICATE", [file("package/a/b"), file("package/a")], "package/a"],
    ["a file outside the root folder", "ROOT", [file("other/a")], "other/a"],
    ["a file where the root folder should be", "ROOT", [file("package")], "package"],
    ["a file larger than 16 MiB", "FILE_SIZE", [{ path: "package/big", type: "File", size: ARCHIVE_LIMITS.fileBytes + 1 }], "package/big"],
  ];
  it.each(hostile)("refuses %s", async (_, code, entries, named) => {
    const attempt = unpackHere(tarball([file("package/first"), ...entries]), into);
    await expect(attempt).rejects.toMatchObject({ code: `PLINTH_ARCHIVE_${code}`, message: expect.stringContaining(named) });
    expect(await readdir(into)).toEqual([]);
    expect((await readdir(home)).sort()).toEqual(["into"]);
  });

  it("removes what it wrote before a refusal", async () => {
    // Large enough that the first files are on disk before the last entry is read.
    const entries: Entry[] = Array.from({ length: 40 }, (_, index) => ({
      path: `package/dir${index}/f`,
      type: "File",
      body: Buffer.alloc(50_000, index),
    }));
    await expect(unpackHere(tarball([...entries, file("package/../x")]), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_NAME" });
    expect(await readdir(into)).toEqual([]);
  });

  it("refuses more than 2,000 entries", async () => {
    const entries = Array.from({ length: 2_001 }, (_, index): Entry => ({ path: `package/d${index}/`, type: "Directory" }));
    await expect(unpackHere(tarball(entries), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_ENTRIES" });
    expect(await readdir(into)).toEqual([]);
  });

  it("counts the folders that its files need and no entry names: 2,001 files and folders are too many, 2,000 are not", async () => {
    const nested = (files: number, folders: number) =>
      Array.from({ length: files }, (_, index): Entry => ({ path: `package/${index < folders ? `d${index}/` : ""}f${index}`, type: "File" }));
    expect((await readArchive(tarball(nested(1_000, 1_000)))).size).toBe(1_000);
    await expect(unpackHere(tarball(nested(1_001, 1_000)), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_ENTRIES" });
    // A small tarball that would make 27,300 folders.
    const wide = Array.from({ length: 1_820 }, (_, index): Entry => ({ path: `package/${index}${"/d".repeat(14)}/f`, type: "File" }));
    await expect(unpackHere(tarball(wide), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_ENTRIES" });
    expect(await readdir(into)).toEqual([]);
  });

  it("refuses a file in 25 folders, and takes one in 24", async () => {
    const at = (folders: number) => tarball([file(`package/${"d/".repeat(folders)}f`)]);
    expect((await readArchive(at(24))).size).toBe(1);
    await expect(unpackHere(at(25), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_NAME" });
  });

  it("stops a bomb of many files at 64 MiB", async () => {
    const body = Buffer.alloc(15 * 1024 * 1024);
    const bomb = tarball(Array.from({ length: 5 }, (_, index): Entry => ({ path: `package/${index}`, type: "File", body })));
    expect(bomb.length).toBeLessThan(200_000);
    await expect(unpackHere(bomb, into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_SIZE" });
    expect(await readdir(into)).toEqual([]);
  });

  it("stops a bomb behind the archive's end", async () => {
    const bomb = gzipSync(Buffer.concat([raw([file("package/a")]), Buffer.alloc(80 * 1024 * 1024)]));
    await expect(unpackHere(bomb, into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_SIZE" });
    expect(await readdir(into)).toEqual([]);
  });

  it("refuses an archive that is compressed twice", async () => {
    await expect(unpackHere(gzipSync(tarball([file("package/a")])), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
  });

  it("refuses what is no archive, and one that is cut off", async () => {
    await expect(unpackHere(Buffer.from("hello"), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
    await expect(unpackHere(gzipSync(Buffer.alloc(4_096, 65)), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
    await expect(unpackHere(join(home, "missing.tgz"), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
    const whole = await packFiles([
      ["a", Buffer.alloc(10_000, 1)],
      ["b", "2"],
    ]);
    await expect(unpackHere(whole.subarray(0, whole.length - 20), into)).rejects.toMatchObject({ code: "PLINTH_ARCHIVE_FORMAT" });
    expect(await readdir(into)).toEqual([]);
  });

  it("never writes outside and never leaves a refused archive behind, whatever the bytes", async () => {
    const whole = raw([file("package/a"), file("package/b/c")]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), async (edits) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of edits) bytes[at] = value;
        const target = await mkdtemp(join(home, "fuzz-"));
        const done = await unpackHere(gzipSync(bytes), target).catch((error) => error);
        if (done instanceof Error) {
          expect((done as { code?: string }).code).toMatch(/^PLINTH_ARCHIVE_/);
          expect(await readdir(target)).toEqual([]);
        }
        await rm(target, { recursive: true });
        expect(await readdir(home)).toEqual(["into"]);
      }),
      { numRuns: 100 },
    );
  });
});

interface Entry {
  path: string;
  type: NonNullable<HeaderData["type"]>;
  linkpath?: string;
  body?: Buffer;
  /** A size other than the body's. */
  size?: number;
  /** A path in an extended header. */
  pax?: string;
}

function file(path: string): Entry {
  return { path, type: "File", body: Buffer.from("text") };
}

function raw(entries: Entry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { path, type, linkpath, body = Buffer.alloc(0), size, pax } of entries) {
    if (pax !== undefined) blocks.push(new Pax({ path: pax } as never).encode());
    const header = new Header({
      path,
      type,
      linkpath: linkpath ?? "",
      mode: 0o777,
      uid: 0,
      gid: 0,
      size: size ?? body.length,
      mtime: new Date(0),
    });
    header.encode();
    // Names are written byte by byte as Latin-1 by the encoder; these tests want UTF-8.
    if (/[^\0-\x7f]/.test(path)) patchName(header.block!, path);
    blocks.push(header.block!, body, Buffer.alloc((512 - (body.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1_024)]);
}

function tarball(entries: Entry[]): Buffer {
  return gzipSync(raw(entries));
}

function patchName(block: Buffer, path: string): void {
  block.fill(0, 0, 100);
  block.write(path, 0, 100, "utf8");
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
}
