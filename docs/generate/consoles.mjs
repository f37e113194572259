// Types what the consoles of pages show, and writes into them what came of it: `node docs/generate/consoles.mjs [PAGE …]`, default
// those of docs/authors that begin with nothing, and the first extension. Each page has an empty home, and `plinth` of this clone in
// its path. A block with a file's name in brackets is written to that file; `<!-- console: LINE -->` is typed and not shown; a page that
// names 127.0.0.1:8787 has a registry's service there, whose folder is ~/../served. A block of `plinth dev` that stays is left as it is.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Those that need a gateway with something in it, or several people: docs/generate/journey.mjs types some of them. */
const ELSEWHERE = ["artifacts.md", "contract.md"];
const SERVICE = "127.0.0.1:8787";
const PART = /^```console\n([\s\S]*?)^```$|^<!-- console: (.*) -->$|^```\w+ \[(.+)\]\n([\s\S]*?)^```$/gm;

async function typePage(file) {
  const text = readFileSync(file, "utf8");
  if (![...text.matchAll(PART)].some(([, block]) => typed(block))) return;
  const home = join(realpathSync(mkdtempSync(join(tmpdir(), "plinth-page-"))), "home");
  const bin = join(home, ".bin");
  mkdirSync(bin, { recursive: true });
  symlinkSync(join(root, "kernel/bin/plinth.cjs"), join(bin, "plinth"));
  symlinkSync(join(root, "registry/server/bin.cjs"), join(bin, "plinth-registry"));
  const env = {
    PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
    HOME: home,
    PLINTH_HOME: join(home, ".plinth"),
    LANG: "C.UTF-8",
    NO_COLOR: "1",
    COLUMNS: "100",
    OLLAMA_HOST: "http://127.0.0.1:9",
    LLAMACPP_BASE_URL: "http://127.0.0.1:9/v1",
    npm_config_update_notifier: "false",
  };
  const service = text.includes(SERVICE) ? await startService(home, env) : undefined;
  let cwd = home;
  const type = (line) => {
    const { stdout, stderr } = spawnSync("sh", ["-c", `exec 2>&1; ${line}\npwd`], { cwd, env, encoding: "utf8", timeout: 240_000 });
    const [, said = "", place = home] = /^([\s\S]*?)([^\n]*)\n$/.exec(stdout) ?? [];
    cwd = place;
    return tidy(line, `${said}${stderr}`, home);
  };
  try {
    const written = text.replaceAll(PART, (whole, block, hidden, name, content) => {
      if (hidden !== undefined) type(hidden);
      if (name !== undefined) writeFileSync(join(cwd, name), content);
      if (!typed(block)) return whole;
      const steps = block.split(/^\$ /m).slice(1);
      const lines = steps.map((step) => {
        const [line = "", ...before] = step.trimEnd().split("\n");
        return [`$ ${line}`, ...keepTimes(before, type(line))].join("\n");
      });
      return `\`\`\`console\n${lines.join("\n")}\n\`\`\``;
    });
    writeFileSync(file, written);
    console.log(`${file.slice(root.length)}${written === text ? "" : " changed"}`);
  } finally {
    service?.kill();
    rmSync(dirname(home), { recursive: true, force: true, maxRetries: 5 });
  }
}

const typed = (block) => block !== undefined && !/^\$ plinth dev *$/m.test(block);

/** What a reader wants to see of it, without this machine's places and without vitest's own business. */
function tidy(line, said, home) {
  const plain = said.replaceAll(join(home, ".plinth"), "~/.plinth").replaceAll(home, "~").trimEnd();
  if (plain === "") return [];
  const lines = plain.split("\n");
  if (!line.includes("npm test")) return lines;
  const shown = lines.filter((one) => !/^>|^ RUN |^ {2,}(✓|Start at|Duration)|^ *(Start at|Duration)/.test(one)).join("\n");
  return shown
    .replaceAll(/ \d+ms$/gm, "")
    .trim()
    .replace(/^✓/, " ✓")
    .replaceAll(/\n{3,}/g, "\n\n")
    .split("\n");
}

/** How long it took says more of the machine than of the command: times stay as they were, where a line stays what it is. */
function keepTimes(before, now) {
  const TIME = /\d+(?:\.\d+)? ms/g;
  return now.map((line, at) => {
    const [old = [], found = []] = [before[at]?.match(TIME) ?? [], line.match(TIME) ?? []];
    const times = old.length === found.length && before[at]?.slice(0, 7) === line.slice(0, 7) ? old.values() : found.values();
    return line.replaceAll(TIME, () => times.next().value);
  });
}

async function startService(home, env) {
  const bin = join(root, "registry/server/bin.cjs");
  const dir = join(dirname(home), "served");
  spawnSync(process.execPath, [bin, "init", "--dir", dir, "--name", "example"], { env });
  const child = spawn(process.execPath, [bin, "serve", "--dir", dir, "--port", SERVICE.split(":")[1], "--registration", "open", "--json"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const _ of createInterface({ input: child.stdout })) return child;
  throw new Error("no service");
}

const names = process.argv.length > 2 ? process.argv.slice(2) : ["../writing-your-first-extension.md", ...readdirSync(join(root, "docs/authors"))];
for (const name of names.filter((one) => !ELSEWHERE.includes(one))) await typePage(join(root, "docs/authors", name));
