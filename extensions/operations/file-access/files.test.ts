import { chmod, link, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { codeOf, openLab } from "./lab.testing.ts";

describe("files of a granted folder", () => {
  it("are written, read, listed, moved and removed, by short and by absolute names", async () => {
    await using lab = await openLab();
    const { files, at } = lab;
    await files.write("data/notes/one.txt", "é");
    expect(await readFile(at("state/notes/one.txt"), "utf8")).toBe("é");
    expect(await files.readText(at("state/notes/one.txt"))).toBe("é");
    await files.write("workspace/./bytes//b.bin", new Uint8Array([0, 255, 7]));
    expect([...(await files.read("workspace/bytes/b.bin"))]).toEqual([0, 255, 7]);
    expect([...(await files.read("workspace/bytes/b.bin", { offset: 1, length: 5 }))]).toEqual([255, 7]);
    await files.write("workspace/a.txt", "a");
    await files.write("workspace/a.txt", "b", { append: true });
    expect(await files.list("workspace")).toEqual([
      { name: "a.txt", kind: "file", size: 2, modifiedAt: expect.any(Number) },
      { name: "bytes", kind: "folder", size: expect.any(Number), modifiedAt: expect.any(Number) },
    ]);
    expect(await files.stat("workspace")).toMatchObject({ name: "workspace", kind: "folder" });
    expect(await files.stat("workspace/none/at/all")).toBeNull();
    await files.rename("workspace/a.txt", "workspace/bytes/c.txt");
    expect(await files.readText("workspace/bytes/c.txt")).toBe("ab");
    expect(await codeOf(files.remove("workspace/bytes"))).toBe("PLINTH_FILE_EXISTS");
    expect(await files.remove("workspace/bytes", { recursive: true })).toBe(true);
    expect(await files.remove("workspace/bytes")).toBe(false);
    await files.makeFolder("workspace/deep/er");
    expect(await readdir(at("workspace"))).toEqual(["deep"]);
  });

  it("fail with a code, the path as it was asked for, and a next step", async () => {
    await using lab = await openLab();
    const { files, at } = lab;
    await files.makeFolder("workspace/folder");
    await files.write("workspace/file", "x");
    expect(await codeOf(files.read("workspace/none"))).toBe("PLINTH_FILE_MISSING");
    expect(await codeOf(files.list("workspace/none"))).toBe("PLINTH_FILE_MISSING");
    expect(await codeOf(files.read("workspace/folder"))).toBe("PLINTH_FILE_KIND");
    expect(await codeOf(files.read("workspace"))).toBe("PLINTH_FILE_KIND");
    expect(await codeOf(files.write("workspace/folder", ""))).toBe("PLINTH_FILE_KIND");
    expect(await codeOf(files.list("workspace/file"))).toBe("PLINTH_FILE_KIND");
    expect(await codeOf(files.read("workspace/file/below"))).toBe("PLINTH_FILE_KIND");
    expect(await codeOf(files.write("workspace/file", "y", { exclusive: true }))).toBe("PLINTH_FILE_EXISTS");
    const failure = await files.read("workspace/none").catch((thrown: Error & { next: string; extension: string }) => thrown);
    expect(failure).toMatchObject({ extension: "acme.reader", next: expect.any(String), message: expect.stringContaining("workspace/none") });
    expect((failure as Error).message).not.toContain(at(""));
  });

  it("are replaced as a whole: the rights stay, another name of the old file keeps the old content, nothing is left behind", async () => {
    await using lab = await openLab();
    const { files, at } = lab;
    await files.write("workspace/run.sh", "old");
    await chmod(at("workspace/run.sh"), 0o750);
    await link(at("workspace/run.sh"), at("outside/other-name"));
    await files.write("workspace/run.sh", "new");
    expect((await stat(at("workspace/run.sh"))).mode & 0o777).toBe(0o750);
    expect(await readFile(at("outside/other-name"), "utf8")).toBe("old");
    expect(await readdir(at("workspace"))).toEqual(["run.sh"]);
  });

  it("keep every one of many changes that are asked for at once", async () => {
    await using lab = await openLab();
    await Promise.all(Array.from({ length: 50 }, (_, n) => lab.files.write("data/log", `${n}\n`, { append: true })));
    const lines = (await lab.files.readText("data/log")).trimEnd().split("\n").map(Number);
    expect(lines.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    const attempts = await Promise.all(Array.from({ length: 20 }, () => codeOf(lab.files.write("data/only", "x", { exclusive: true }))));
    expect(attempts.filter((code) => code === "none")).toHaveLength(1);
  });

  it("are there again when the folder was removed and made anew", async () => {
    await using lab = await openLab();
    await lab.files.write("data/a", "1");
    const { rm } = await import("node:fs/promises");
    await rm(lab.at("state"), { recursive: true });
    await lab.files.write("data/b", "2");
    expect(await readdir(lab.at("state"))).toEqual(["b"]);
  });
});

describe("a bound", () => {
  it("on one request: larger files are read and written in parts", async () => {
    await using lab = await openLab();
    const { files, at } = lab;
    const most = 2_097_152;
    await files.write("workspace/big", "x".repeat(most));
    expect(await codeOf(files.write("workspace/big", "x".repeat(most + 1)))).toBe("PLINTH_QUOTA");
    await files.write("workspace/big", "y", { append: true });
    expect(await codeOf(files.read("workspace/big"))).toBe("PLINTH_QUOTA");
    expect(await codeOf(files.read("workspace/big", { length: most + 1 }))).toBe("PLINTH_QUOTA");
    expect(Buffer.from(await files.read("workspace/big", { offset: most })).toString()).toBe("y");
    expect((await stat(at("workspace/big"))).size).toBe(most + 1);
  });

  it("on its own folder, whoever filled it; removing makes room", async () => {
    await using lab = await openLab(1);
    const { files, at } = lab;
    await files.write("data/half", "x".repeat(600_000));
    expect(await codeOf(files.write("data/more", "x".repeat(600_000)))).toBe("PLINTH_QUOTA");
    await writeFile(at("state/past-the-host"), "x".repeat(600_000));
    expect(await codeOf(files.write("data/small", "x"))).toBe("PLINTH_QUOTA");
    expect(await codeOf(files.makeFolder("data/folder"))).toBe("PLINTH_QUOTA");
    await files.remove("data/past-the-host");
    await files.write("data/small", "x");
    await files.write("workspace/large", "x".repeat(1_200_000));
  });

  it("on how many files it holds: empty ones are not free", async () => {
    await using lab = await openLab(1);
    const attempts = await Promise.all(Array.from({ length: 300 }, (_, n) => codeOf(lab.files.write(`data/${n}`, ""))));
    expect(attempts.filter((code) => code === "none")).toHaveLength(256);
    expect(new Set(attempts)).toEqual(new Set(["none", "PLINTH_QUOTA"]));
  });
});
