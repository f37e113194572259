#!/usr/bin/env node
// The launcher: plain JavaScript, no dependency. Answers --help and --version from data, hands a command to the running
// gateway when there is one, and boots the host in this process otherwise.
// CommonJS, because a process that only prints a version must not pay for the ES module loader.
"use strict";
const { existsSync, readFileSync, realpathSync, statSync } = require("node:fs");
const { dirname, join, resolve } = require("node:path");

const NODE_MAJOR = 26;
/** Exit status of a command that waits for a yes and has no terminal to ask for it. */
const UNCONFIRMED = 3;
const root = join(dirname(realpathSync(__filename)), "../..");
const dist = process.env.PLINTH_DIST ?? join(root, "dist");
const home = resolve(process.env.PLINTH_HOME || join(require("node:os").homedir(), ".plinth"));
const argv = process.argv.slice(2);
const json = argv.includes("--json");

process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));
launch().catch(fail);

async function launch() {
  if (!existsSync(join(dist, "commands.json"))) {
    return fail({ code: "PLINTH_NOT_BUILT", message: "Plinth is not built.", next: `Run \`npm run build\` in ${root}.` });
  }
  const { version, commands, ids } = commandTable();
  if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) return print(`${version}\n`);
  const { completions, helpData, matchArgv, renderHelp } = require(join(dist, "launcher.cjs"));
  if (argv[0] === "--complete")
    return print(
      completions(commands, argv.slice(2), ids)
        .map((word) => `${word}\n`)
        .join(""),
    );
  const match = matchArgv(commands, argv);
  const columns = process.stdout.columns ?? 100;
  const color = useColor();
  if (match.version) return print(json ? `${JSON.stringify({ version })}\n` : `${version}\n`);
  if (match.help || (argv.length === 0 && match.error === undefined))
    return print(json ? `${JSON.stringify(helpData(commands, match.path))}\n` : renderHelp(commands, match.path, { columns, color }));
  // What is made in the home is its owner's alone, whatever the umask; what authors make in their own folders is as they
  // like it, but nobody else's to write.
  const mask = process.umask();
  process.umask(match.where === "local" && match.path[0] !== "gateway" ? (mask & 0o077) | 0o022 : 0o077);
  const isDoctor = match.path[0] === "doctor" && match.error === undefined;
  if (isDoctor && !examined(match.options.fix === true)) return;
  const terminal = { cwd: process.cwd(), json, tty: process.stdin.isTTY === true && process.stdout.isTTY === true, columns, color, local: true };
  // Wrong usage is told by whoever runs the command line, in one place; a running gateway needs no newer Node here.
  if (match.where !== "local" && !argv.includes("--safe-mode")) {
    const code = await inGateway({ ...terminal, local: false }).catch((error) => {
      // What is wrong with the gateway is for the doctor to tell, too.
      if (isDoctor && isCoded(error)) return null;
      throw error;
    });
    if (code !== null) return void (process.exitCode = code);
  }
  if (Number(process.versions.node.split(".")[0]) < NODE_MAJOR) return rerun();
  // Until it says otherwise: what ends without a word has failed.
  process.exitCode = 1;
  process.exitCode = await embedded(terminal, match);
}

/** Commands of the product, and those of installed extensions from the index; no code is loaded. */
function commandTable() {
  const table = { ids: [], ...JSON.parse(readFileSync(join(dist, "commands.json"), "utf8")) };
  try {
    const index = ["installed.json", "index.json"].map((name) => join(home, name)).find((one) => existsSync(one));
    // Not from others: they would choose what is printed here.
    if (process.getuid !== undefined && [home, index].some((path) => isOthers(statSync(path)))) return table;
    const { records } = JSON.parse(readFileSync(index, "utf8").replace(/^\uFEFF/, ""));
    for (const { manifest } of records) {
      table.ids.push(manifest.id);
      for (const one of manifest.provides ?? []) {
        if (one.contract === "plinth.cli-command") table.commands.push({ id: one.id, extension: manifest.id, ...one.descriptor });
      }
    }
  } catch {
    // Nothing installed.
  }
  return table;
}

function isOthers({ uid, mode }) {
  return uid !== process.getuid() || (mode & 0o022) !== 0;
}

/** `plinth doctor`, before anything reads the home: close it to others, and stop here where only its owner can. */
function examined(fix) {
  const { examineHome, mendHome } = require(join(dist, "home-doctor.cjs"));
  const { done, left } = fix ? mendHome(home) : { done: [], left: examineHome(home) };
  for (const line of done) (json ? process.stderr : process.stdout).write(`${line}\n`);
  const problems = left.filter(({ severity }) => severity === "problem");
  if (problems.length === 0) return true;
  tellFindings(
    left.map(({ code, severity, path, message, next }) => ({ code, severity, owner: "host", what: `is not alone with ${path}`, why: message, next })),
    done,
  );
  process.exitCode = 1;
  return false;
}

/** What the doctor says where no host can be started to look at more. */
function tellFindings(findings, mended) {
  if (json) return print(`${JSON.stringify({ healthy: false, findings, mended })}\n`);
  for (const { owner, what, code, why, next } of findings) print(`${owner}: ${what} (${code})\n  - ${why}\n${next ? `  - Next: ${next}\n` : ""}`);
}

/** `plinth doctor` of a host that cannot start: why is what is wrong. */
async function* started(items) {
  try {
    yield* items;
  } catch (error) {
    const { code, message, extension = "host", next = "" } = told(error);
    tellFindings([{ code, severity: "problem", owner: extension, what: "keeps the host from starting", why: message, next }], []);
    yield { exit: 1 };
  }
}

/** Run the command in the gateway of this home; null when none runs. */
async function inGateway(terminal) {
  if (!existsSync(join(home, "state/plinth.gateway/running.json"))) return null;
  const { GatewayLink } = require(join(dist, "gateway-link.cjs"));
  const link = await GatewayLink.find(home);
  if (link === null) return null;
  const stop = new AbortController();
  process.once("SIGINT", () => {
    stop.abort();
    process.exit(130);
  });
  let args = argv;
  let questions;
  const run = async (words) => lines(await link.send("POST", "/api/cli", JSON.stringify({ argv: words, terminal }), stop.signal));
  const asking = () => {
    const { Questions } = require(join(dist, "questions.cjs"));
    questions ??= new Questions(process.stdin, process.stderr, async (words) => void (await follow(await run(words))));
    return questions;
  };
  try {
    for (;;) {
      const outcome = await follow(await run(args), asking);
      if (outcome.confirm === undefined) return outcome.exit;
      args = outcome.confirm;
    }
  } finally {
    await questions?.close();
    link[Symbol.dispose]();
  }
}

async function embedded(terminal, { where, path }) {
  const { codeCacheOf, makePrivateHome } = require(join(dist, "home.cjs"));
  makePrivateHome(home);
  const cache = codeCacheOf(home);
  if (cache !== null) {
    // Node makes its folder now and its files at the end: for the owner alone, whatever the command makes in between.
    const mask = process.umask(0o077);
    require("node:module").enableCompileCache?.(cache);
    process.umask(mask);
    process.once("exit", () => process.umask(0o077));
  }
  const { main } = await import(require("node:url").pathToFileURL(join(dist, "kernel/main.mjs")).href);
  const stop = new AbortController();
  if (where !== "local") for (const name of ["SIGINT", "SIGTERM"]) process.once(name, () => stop.abort());
  let args = argv;
  for (;;) {
    const items = main({ argv: args, terminal, dist, signal: stop.signal, counted: path[0] === "gateway" });
    const { exit, confirm } = await follow(path[0] === "doctor" ? started(items) : items);
    if (confirm === undefined) return exit;
    args = confirm;
  }
}

/** Print terminal items as they come; a question is asked when a person can answer it. */
async function follow(items, questions) {
  let exit = 0;
  let confirm;
  let unanswered;
  const canAsk = process.stdin.isTTY === true && process.stdout.isTTY === true && !json;
  try {
    for await (const item of items) {
      if (item.out !== undefined) print(item.out);
      else if (item.err !== undefined) process.stderr.write(item.err);
      else if ("result" in item) print(`${JSON.stringify(item.result)}\n`);
      else if (item.confirm !== undefined && canAsk) confirm = item.confirm;
      else if (item.confirm !== undefined) unanswered = item.confirm;
      else if (item.choose !== undefined && canAsk) questions?.().ask(item.choose);
      else if (item.settled !== undefined) questions?.().settle(item.settled);
      else if (item.exit !== undefined) exit = item.exit;
    }
  } catch (error) {
    fail(error);
    exit = 1;
  }
  if (unanswered !== undefined && exit === 0) return { exit: unconfirmed(unanswered) };
  if (confirm === undefined || exit !== 0) return { exit };
  const { createInterface } = require("node:readline/promises");
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl+D is no.
  const answer = await ask.question(`${confirm.question} [y/N] `).catch(() => "");
  ask.close();
  return /^y(es)?$/i.test(answer.trim()) ? { exit, confirm: confirm.argv } : { exit: 1 };
}

/** Without a terminal nobody can say yes: what waits for that is not done, and a script must see it. */
function unconfirmed({ question, argv: words }) {
  const typed = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
  process.stderr.write(`error PLINTH_CONFIRMATION_NEEDED: Nothing was changed, because nobody could be asked: ${question}\nnext: plinth ${typed}\n`);
  return UNCONFIRMED;
}

/** NDJSON lines of a response. */
async function* lines(response) {
  if (response.statusCode !== 200) {
    let text = "";
    for await (const chunk of response) text += chunk;
    let problem = {};
    try {
      problem = JSON.parse(text);
    } catch {
      // Not ours: the status says enough.
    }
    throw {
      code: problem.code ?? "PLINTH_GATEWAY",
      message: problem.detail ?? problem.message ?? `The gateway answered ${response.statusCode}.`,
      next: problem.next,
    };
  }
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    for (const line of parts) if (line !== "") yield JSON.parse(line);
  }
}

/** Started by an older Node: the pinned one comes with the package `node`, or with one that holds nothing else. */
function rerun() {
  const { platform, arch } = process;
  const names = ["node", `node-${platform === "win32" ? "win" : platform}-${arch}`, `node-bin-${platform}-${arch}`];
  const places = names.flatMap((name) => [`node_modules/${name}/bin`, `../${name}/bin`]);
  const program = platform === "win32" ? "node.exe" : "node";
  const found = places.map((path) => join(root, path, program)).find((path) => existsSync(path));
  if (found === undefined) {
    return fail({
      code: "PLINTH_NODE",
      message: `Plinth needs Node ${NODE_MAJOR}; this is ${process.version}.`,
      next: `Run \`npm install\` in ${root}, or use Node ${NODE_MAJOR}.`,
    });
  }
  const child = require("node:child_process").spawn(found, ["--max-semi-space-size=4", __filename, ...argv], { stdio: "inherit" });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("error", (error) => fail({ code: "PLINTH_NODE", message: error.message, next: `Run \`npm install\` in ${root}.` }));
  child.on("exit", (code, signal) => (signal === null ? process.exit(code) : process.kill(process.pid, signal)));
}

function useColor() {
  if (process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== "") return false;
  if (process.env.FORCE_COLOR !== undefined && process.env.FORCE_COLOR !== "") return process.env.FORCE_COLOR !== "0";
  return process.stdout.isTTY === true && process.env.TERM !== "dumb";
}

function print(text) {
  process.stdout.write(text);
}

function isCoded(error) {
  return typeof error?.code === "string" && error.code.startsWith("PLINTH_");
}

/** With a code and a next step where the disk is at fault, as the host says it. */
function told(error) {
  if (isCoded(error)) return error;
  const message = String(error?.message ?? error);
  const next = "Make room on the disk that holds the home folder, then try again.";
  if (error?.code === "ENOSPC" || error?.code === "EDQUOT") return { code: "PLINTH_DISK_FULL", message, next };
  if (error?.code === "EROFS")
    return { code: "PLINTH_DISK_READ_ONLY", message, next: "Let the home folder be written, or name another one in PLINTH_HOME." };
  return { code: "PLINTH_FAILED", message };
}

function fail(error) {
  const { code, message, extension, next } = told(error);
  if (json) print(`${JSON.stringify({ error: { code, message, extension, next } })}\n`);
  process.stderr.write(`error ${code}${extension ? ` (${extension})` : ""}: ${message}\n${next ? `next: ${next}\n` : ""}`);
  process.exitCode = 1;
}
