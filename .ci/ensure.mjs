// `npm start` and its siblings on a fresh clone: install what is missing, build what changed, then run the task.
// Runs under any Node from 18; everything after the install runs under the pinned one.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const [task = "start", ...args] = process.argv.slice(2);
const SOURCES = [".ci", "manifests", "kernel", "sdk", "registry", "extensions", "templates", "test/fixtures", "package.json"];
const LEFT_OUT = new Set(["node_modules", "generated", "dist"]);

install();
const node = join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
const env = { ...process.env, PATH: [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter) };
const bin = (name) => join(root, "node_modules/.bin", name);

const tasks = {
  // A host lives long and makes short-lived garbage: a small young generation costs nothing and spares tens of MiB.
  start: () => [node, "--max-semi-space-size=4", join(root, "kernel/bin/plinth.cjs"), "gateway", "run", ...args],
  test: () => [node, join(root, "node_modules/vitest/vitest.mjs"), "run", ...args],
  bench: () => [node, join(root, "test/bench/run.mjs"), ...args],
  docs: () => [node, join(root, ".ci/docs.mjs"), "build", ...args],
};

if (task === "lint") lint();
else if (task === "dev") dev();
else if (tasks[task]) {
  buildIfStale();
  follow(tasks[task]());
} else {
  console.error(`unknown task ${task}; there are ${[...Object.keys(tasks), "lint", "dev"].join(", ")}`);
  process.exit(2);
}

function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules/.plinth-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  console.error("Installing dependencies (once, about 20 s) …");
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) {
    console.error("npm ci failed; see above. Plinth needs npm and the npm registry for its first start.");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

/** Names, sizes and times of every source file: cheap, and any edit changes it. */
function sourceStamp() {
  const hash = createHash("sha256");
  const walk = (path) => {
    if (!existsSync(path)) return;
    const info = statSync(path);
    if (!info.isDirectory()) return void hash.update(`${path.slice(root.length)} ${info.size} ${info.mtimeMs}\n`);
    for (const name of readdirSync(path).sort()) if (!LEFT_OUT.has(name)) walk(join(path, name));
  };
  for (const source of SOURCES) walk(join(root, source));
  return hash.digest("hex");
}

function buildIfStale() {
  const stamp = join(root, "dist/.stamp");
  const now = sourceStamp();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === now) return;
  console.error("Building (about 10 s) …");
  if (run([node, join(root, ".ci/build.mjs")], { stdio: ["ignore", 2, 2] }) !== 0) process.exit(1);
  writeFileSync(stamp, now);
}

/** One command for style, unused code, import direction, cycles, types. */
function lint() {
  if (run([node, join(root, ".ci/generate.mjs")]) !== 0) process.exit(1);
  const checks = [
    [bin("biome"), "check", "--error-on-warnings", ...args],
    [node, join(root, ".ci/circles.mjs")],
    [node, join(root, "node_modules/typescript/bin/tsc"), "-p", root],
  ];
  process.exit(checks.map((command) => run(command)).find((status) => status !== 0) ?? 0);
}

/** Rebuild and restart the gateway at every change of a source. */
function dev() {
  let child;
  let timer;
  const restart = () => {
    if (run([node, join(root, ".ci/build.mjs")]) !== 0) return;
    const start = () => {
      child = spawn(node, tasks.start().slice(1), { stdio: "inherit", env });
    };
    if (child?.exitCode !== null) return start();
    child.once("exit", start);
    child.kill("SIGTERM");
  };
  for (const source of SOURCES.filter((one) => statSync(join(root, one), { throwIfNoEntry: false })?.isDirectory())) {
    watch(join(root, source), { recursive: true }, (_event, name) => {
      if (name === null || name.split(/[\\/]/).some((part) => LEFT_OUT.has(part))) return;
      clearTimeout(timer);
      timer = setTimeout(restart, 150);
    });
  }
  for (const name of ["SIGINT", "SIGTERM"])
    process.on(name, () => {
      child?.kill(name);
      process.exit(0);
    });
  restart();
}

function run([command, ...rest], options = {}) {
  return spawnSync(command, rest, { cwd: root, stdio: "inherit", env, ...options }).status ?? 1;
}

/** The task as a child in the foreground: signals go through, its status is ours. */
function follow([command, ...rest]) {
  const child = spawn(command, rest, { stdio: "inherit", env, cwd: task === "start" ? process.cwd() : root });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
}
