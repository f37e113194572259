#!/usr/bin/env node
// The launcher of the registry's service: under a Node that runs it, as sources or as built, or under the one that comes with the project.
"use strict";
const { existsSync, realpathSync } = require("node:fs");
const { dirname, join } = require("node:path");

const NODE_MAJOR = 26;
const here = dirname(realpathSync(__filename));
const argv = process.argv.slice(2);

process.stdout.on("error", (error) => process.exit(error.code === "EPIPE" ? 0 : 1));
if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) {
  import(require("node:url").pathToFileURL(["command.ts", "command.js"].map((name) => join(here, name)).find((path) => existsSync(path))).href)
    .then(({ main }) => main(argv))
    .then((code) => {
      process.exitCode = code;
    });
} else rerun();

function rerun() {
  const { platform, arch } = process;
  const names = ["node", `node-${platform === "win32" ? "win" : platform}-${arch}`, `node-bin-${platform}-${arch}`];
  // In the project; beside it where it is installed; and what `plinth` brought along, installed beside it.
  const folders = ["../../node_modules", "../node_modules", "../../..", "../../../plinth/node_modules"];
  const program = platform === "win32" ? "node.exe" : "node";
  const places = folders.flatMap((folder) => names.map((name) => join(here, folder, name, "bin", program)));
  const found = places.find((path) => existsSync(path));
  if (found === undefined) {
    process.stderr.write(
      `error PLINTH_NODE: The registry needs Node ${NODE_MAJOR}; this is ${process.version}.\nnext: Run it with Node ${NODE_MAJOR}, or install \`plinth\` beside it, which brings that along: npm install --global plinth @plinth/registry\n`,
    );
    process.exit(1);
  }
  const child = require("node:child_process").spawn(found, [__filename, ...argv], { stdio: "inherit" });
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("exit", (code, signal) => (signal === null ? process.exit(code) : process.kill(process.pid, signal)));
}
