import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { errorData } from "./error.ts";

it("says of a disk that takes nothing what to do, and blames no extension's author", () => {
  expect(errorData(Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }), "acme.x")).toEqual({
    code: "PLINTH_DISK_FULL",
    message: "ENOSPC: no space left on device, write",
    extension: "acme.x",
    next: "Make room on the disk that holds the home folder, then try again.",
  });
  expect(errorData(Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS" }), "host")).toMatchObject({
    code: "PLINTH_DISK_READ_ONLY",
    next: expect.stringContaining("PLINTH_HOME"),
  });
  expect(errorData(Object.assign(new Error("no"), { code: "EPERM" }), "acme.x")).toMatchObject({ code: "PLINTH_EXTENSION_FAILED" });
});

it("knows a full database of SQLite's by its own number", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("PRAGMA max_page_count = 2; CREATE TABLE t (x)");
  let thrown: unknown;
  try {
    db.exec(`INSERT INTO t VALUES (zeroblob(100000))`);
  } catch (error) {
    thrown = error;
  } finally {
    db.close();
  }
  expect(errorData(thrown, "host")).toMatchObject({ code: "PLINTH_DISK_FULL", extension: "host" });
});
