import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let modules: string;
beforeEach(() => {
  modules = join(realpathSync(mkdtempSync(join(tmpdir(), "plinth-registry-bin-"))), "node_modules");
});
afterEach(() => rmSync(dirname(modules), { recursive: true, force: true }));

/** `plinth-registry list` as npm installs it, under an older Node than it needs. */
function startedByOlder(): string {
  const bin = join(modules, "@plinth/registry/server/bin.cjs");
  mkdirSync(dirname(bin), { recursive: true });
  copyFileSync(join(import.meta.dirname, "bin.cjs"), bin);
  const older = join(dirname(modules), "older.cjs");
  writeFileSync(older, `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.0" } });`);
  try {
    return execFileSync(process.execPath, ["-r", older, bin, "list"], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
}

function putNode(path: string): void {
  mkdirSync(join(modules, path, "bin"), { recursive: true });
  writeFileSync(join(modules, path, "bin/node"), '#!/bin/sh\necho "new $2"\n', { mode: 0o755 });
}

it.each([
  "node",
  `node-${process.platform}-${process.arch}`,
  "plinth/node_modules/node",
  `plinth/node_modules/node-bin-${process.platform}-${process.arch}`,
  "@plinth/registry/node_modules/node",
])("plinth-registry goes on under the Node in %s", (path) => {
  putNode(path);
  expect(startedByOlder()).toBe("new list\n");
});

it("plinth-registry says how to come by one where there is none", () => {
  expect(startedByOlder()).toMatch(/^error PLINTH_NODE: .*Node 26.*\nnext: .*npm install --global plinth @plinth\/registry$/m);
});
