// Runs the way from nothing to an installed, updated, withdrawn and removed extension, as docs/journey.md tells it: two people
// with empty homes, a registry in a process of its own, a running gateway. Writes the page and a recording (asciicast v2).
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const desk = mkdtempSync(join(tmpdir(), "plinth-journey-"));
const homes = { author: join(desk, "author"), user: join(desk, "user") };
const began = performance.now();
const cast = [];
const page = [];
const children = [];
let registry;

const env = (who, more = {}) => ({
  PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  HOME: homes[who],
  PLINTH_HOME: join(homes[who], ".plinth"),
  LANG: "C.UTF-8",
  NO_COLOR: "1",
  COLUMNS: "100",
  OLLAMA_HOST: "http://127.0.0.1:9",
  ...more,
});

/** Keep what somebody typed and what came of it. */
function keep(who, typed, said) {
  const plain = (text) => text.replaceAll(registry?.url ?? "\0", "https://registry.example/");
  const command = plain(typed);
  const text = plain(said).replaceAll(join(homes[who], ".plinth"), "~/.plinth").replaceAll(homes[who], "~");
  const at = (performance.now() - began) / 1_000;
  cast.push([at, "o", `\x1b[1m${who} $ ${command}\x1b[0m\r\n`], [at + 0.3, "o", `${text.trimEnd().replaceAll("\n", "\r\n")}\r\n\r\n`]);
  page.push(["```console", `${who} $ ${command}`, text.trimEnd(), "```", ""].join("\n"));
  return said;
}

function run(who, words, { cwd = homes[who], program = join(root, "kernel/bin/plinth.cjs"), shown } = {}) {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...words],
      { cwd, env: env(who, registry ? { PLINTH_REGISTRY: registry.url } : {}), timeout: 120_000 },
      (_error, out, err) => {
        const quoted = words.map((word) => (/^[\w@./:=-]+$/.test(word) ? word : `"${word}"`)).join(" ");
        resolve(keep(who, shown ?? `plinth ${quoted}`, `${err}${out}`));
      },
    );
  });
}

const say = (text) => run("user", ["agent", "-m", text]);
const codeIn = (text) => /confirm ([A-Z0-9]{8})/.exec(text)?.[1] ?? fail(`no code in: ${text}`);
const told = (text) => page.push(`${text}\n`);

async function serve(program, words, who, more) {
  const child = spawn(process.execPath, [join(root, program), ...words], { env: env(who, more), stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  return fail(`${program} ended`);
}

function fail(why) {
  throw new Error(why);
}

try {
  for (const home of Object.values(homes)) mkdirSync(home);
  const dir = join(desk, "registry");
  await new Promise((resolve) =>
    execFile(process.execPath, [join(root, "registry/server/bin.cjs"), "init", "--dir", dir, "--name", "example"], { env: env("author") }, resolve),
  );
  registry = await serve("registry/server/bin.cjs", ["serve", "--dir", dir, "--port", "0", "--registration", "open", "--json"], "author");

  told("## An author makes a tool and publishes it");
  await run("author", ["create", "acme.greeter", "--kind", "tool", "--dir", "greeter"]);
  const project = join(homes.author, "greeter");
  await run("author", ["check"], { cwd: project });
  await run("author", ["registry", "login", registry.url, "--publisher", "acme"], { cwd: project });
  await run("author", ["publish", "--dry-run"], { cwd: project });
  await run("author", ["publish"], { cwd: project });

  told("## Somebody else finds it in a conversation, installs it, and uses it in the next message");
  const gateway = await serve("kernel/bin/plinth.cjs", ["gateway", "run", "--port", "0", "--json"], "user", { PLINTH_REGISTRY: registry.url });
  if (!gateway.url) fail("no gateway");
  // A registry's listing for searches is written a second after a change.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await say("/plugins search greet");
  await say("/plugins info acme.greeter");
  await say(`/plugins confirm ${codeIn(await say("/plugins install acme.greeter"))}`);
  await say("greet Ada");

  told("## The author publishes a version that may do more; it waits, and shows the difference");
  const manifest = join(project, "plinth.json");
  const edited = readFileSync(manifest, "utf8")
    .replace('"version": "0.1.0"', '"version": "0.2.0"')
    .replace('"tiers":', '"permissions": { "net": ["api.example.com"] },\n  "tiers":');
  writeFileSync(manifest, edited);
  await run("author", ["publish"], { cwd: project });
  await say("/plugins outdated");
  await say(`/plugins confirm ${codeIn(await say("/plugins update acme.greeter"))}`);
  await say("greet Bob");

  told("## Back to the version before, which asks nothing: it was consented to");
  await say("/plugins rollback acme.greeter");
  await run("user", ["plugins", "why", "acme.greeter"]);
  await run("user", ["plugins", "verify"]);

  told("## The author withdraws the new version; nobody gets it any more");
  await run("author", ["yank", "acme.greeter@0.2.0", "--reason", "greets the wrong people"], { cwd: project });
  await say("/plugins install acme.greeter@0.2.0");
  await say("/plugins update");

  told("## Removed, with its grant and what it stored");
  await run("user", ["plugins", "uninstall", "acme.greeter", "--yes"]);
  await run("user", ["grants", "list"]);
  await run("user", ["audit", "--kind", "grant"]);

  const head =
    "# From nothing to installed, updated, withdrawn, removed\n\nA recording: each command was run as it stands here, by two people with empty homes, a registry in a process of its own, and a\ngateway that was never restarted. `docs/generate/journey.mjs` runs it again and writes this page; the same\nas a recording for a terminal plays with `asciinema play docs/public/journey.cast`.\n\n";
  writeFileSync(join(root, "docs/journey.md"), head + page.join("\n"));
  const first = { version: 2, width: 100, height: 40, title: "Plinth: from plinth create to /plugins install" };
  writeFileSync(join(root, "docs/public/journey.cast"), `${[first, ...cast].map((one) => JSON.stringify(one)).join("\n")}\n`);
} finally {
  await Promise.all(
    children.map((child) => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      return child.exitCode === null ? gone : undefined;
    }),
  );
  rmSync(desk, { recursive: true, force: true });
}
