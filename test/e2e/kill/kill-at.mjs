// Preloaded into a `plinth` process: ends it by SIGKILL right before the Nth operation that changes something in its home.
// With N = 0 it only counts, and writes the number down when the process ends.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { isMainThread } from "node:worker_threads";

const { KILL_AT, KILL_COUNT, PLINTH_HOME } = process.env;
const home = resolve(PLINTH_HOME ?? "/nowhere");
// Shared by what runs beside and is nobody's state: compiled code, the record of decisions.
const LEFT_OUT = ["cache", "state/plinth.audit-log", "workspace"].map((name) => `${home}/${name}`);
const reads = new Set(["r", fs.constants.O_RDONLY]);
let count = 0;

function step() {
  count++;
  if (count === Number(KILL_AT)) process.kill(process.pid, "SIGKILL");
}

const isInHome = (path) => {
  const text = typeof path === "string" ? path : Buffer.isBuffer(path) ? path.toString() : path instanceof URL ? path.pathname : "";
  return (text === home || text.startsWith(`${home}/`)) && !LEFT_OUT.some((one) => text.startsWith(one));
};

function watched(original, changes) {
  return function (...args) {
    if (changes(...args)) step();
    return original.apply(this, args);
  };
}

const either = (one, other) => isInHome(one) || isInHome(other);
const isWriting = (path, flags) =>
  isInHome(path) && typeof flags === "number"
    ? (flags & 3) !== 0 || (flags & fs.constants.O_CREAT) !== 0
    : isInHome(path) && !reads.has(flags ?? "r");
const CHANGES = {
  open: isWriting,
  writeFile: (path) => isInHome(path),
  appendFile: isInHome,
  mkdir: isInHome,
  rm: isInHome,
  rmdir: isInHome,
  unlink: isInHome,
  chmod: isInHome,
  truncate: isInHome,
  rename: either,
  link: either,
  symlink: either,
  cp: either,
  copyFile: either,
};

if (isMainThread && KILL_COUNT !== undefined) {
  for (const [name, changes] of Object.entries(CHANGES)) {
    fs.promises[name] = watched(fs.promises[name], changes);
    fs[`${name}Sync`] = watched(fs[`${name}Sync`], changes);
  }
  const handle = await fs.promises.open(process.execPath, "r");
  const FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  for (const name of ["writeFile", "write", "sync", "chmod"]) FileHandle[name] = watched(FileHandle[name], () => true);
  StatementSync.prototype.run = watched(StatementSync.prototype.run, () => true);
  DatabaseSync.prototype.exec = watched(DatabaseSync.prototype.exec, (sql) => !sql.startsWith("PRAGMA"));
  syncBuiltinESMExports();
  process.on("exit", () => {
    if (KILL_AT === "0") fs.writeFileSync(KILL_COUNT, String(count));
  });
}
