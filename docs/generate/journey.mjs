// Goes the way of people without a clone, as docs/journey.md tells it: from an empty folder to extensions that others install, use,
// update and remove. Everything comes from the packed packages; registries and gateways are processes of their own. Writes the page
// and a recording (asciicast v2). Needs test/peers, the npm registry, and a built product.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cleanUp, startGateway } from "../../test/e2e/lab.ts";
import { npmRegistry, Outside } from "../../test/e2e/outside.ts";
import { goOutside } from "../../test/e2e/outside-journey.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const LONGEST = 40;
const began = performance.now();
const cast = [];
const sections = [];

/** Paths, addresses and tokens of one run mean nothing to readers. */
function plain(text) {
  const { desk, npm, plinthRegistry } = outside;
  return text
    .replaceAll(plinthRegistry ?? "\0", "https://registry.example/")
    .replaceAll(npm.url, "https://registry.npmjs.org/")
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, "http://127.0.0.1:8080")
    .replaceAll(new RegExp(`${desk}/(author|user|other)`, "g"), "~")
    .replaceAll(/\bplr_[\w-]+/g, "plr_…")
    .replaceAll(/^npm warn install-scripts.*\n/gm, "")
    .trim();
}

function told({ who, line, ms, said }) {
  const [command, text] = [plain(line), plain(said)];
  const at = (performance.now() - began) / 1_000;
  const lines = text === "" ? [] : text.split("\n");
  const shown = lines.length > LONGEST ? [...lines.slice(0, LONGEST), `… ${lines.length - LONGEST} more lines`] : lines;
  cast.push([at, "o", `\x1b[1m${who} $ ${command}\x1b[0m\r\n`], [at + 0.3, "o", `${shown.join("\r\n")}\r\n\r\n`]);
  sections.at(-1).lines.push({ ms, text: ["```console", `${who} $ ${command}   # ${(ms / 1_000).toFixed(1)} s`, ...shown, "```", ""].join("\n") });
}

const section = (title) => sections.push({ title, lines: [] });
const say = (text) => outside.type("other", `plinth agent -m "${text}"`).catch((error) => error.message);
const codeIn = (text) => /confirm ([A-Z0-9]{8})/.exec(text)?.[1] ?? fail(`no code in: ${text}`);
const fail = (why) => {
  throw new Error(why);
};

const upstream = (await npmRegistry()) ?? fail("the npm registry cannot be reached");
const outside = await Outside.open(upstream, { told });
try {
  await goOutside(outside, section);

  section("A third person finds the tool in a conversation, installs it, and uses it in the next message");
  const installed = join(outside.desk, "prefix/lib/node_modules/plinth/kernel/bin/plinth.cjs");
  await startGateway(join(outside.home("other"), ".plinth"), outside.env("other"), undefined, installed);
  await say("/plugins search greet");
  await say("/plugins info acme.greeter");
  await say(`/plugins confirm ${codeIn(await say("/plugins install acme.greeter"))}`);
  await say("greet Ada");

  section("The author publishes a version that may do more; it waits, and shows the difference");
  const project = "voice-work/greeter";
  const manifest = join(outside.home("author"), project, "plinth.json");
  const edited = readFileSync(manifest, "utf8")
    .replace('"version": "0.1.0"', '"version": "0.2.0"')
    .replace('"tiers":', '"permissions": { "net": ["api.example.com"] },\n  "tiers":');
  writeFileSync(manifest, edited);
  await outside.type("author", "plinth publish", project);
  await say("/plugins outdated");
  await say(`/plugins confirm ${codeIn(await say("/plugins update acme.greeter"))}`);
  await say("greet Bob");

  section("Back to the version before, which asks nothing: it was consented to");
  await say("/plugins rollback acme.greeter");
  await outside.type("other", "plinth plugins why acme.greeter");
  await outside.type("other", "plinth plugins verify");

  section("The author withdraws the new version; nobody gets it any more");
  await outside.type("author", 'plinth yank acme.greeter@0.2.0 --reason "greets the wrong people"', project);
  await say("/plugins install acme.greeter@0.2.0");
  await say("/plugins update");

  section("Removed, with its grant and what it stored");
  await outside.type("other", "plinth plugins uninstall acme.greeter --yes");
  await outside.type("other", "plinth grants list");
  await outside.type("other", "plinth audit --kind grant");
  write();
} finally {
  await cleanUp();
  await outside.close();
}

function write() {
  const seconds = (lines) => lines.reduce((sum, { ms }) => sum + ms, 0) / 1_000;
  const all = sections.flatMap(({ lines }) => lines);
  const rows = sections.map(({ title, lines }) => `| ${title} | ${lines.length} | ${seconds(lines).toFixed(0)} |`);
  const page = `# From nothing to installed, updated, withdrawn, removed

A recording of people without a clone of Plinth: empty homes, the packed packages in an npm registry, a Plinth registry in a process
of its own, gateways that were never restarted. Each command was run as it stands here, the seconds that it took behind it.
\`docs/generate/journey.mjs\` runs it again and writes this page; the same as a recording for a terminal plays with
\`asciinema play docs/public/journey.cast\`. The commands of the contract are those of [its page](./authors/contract.md).

| | commands | seconds |
| --- | --- | --- |
${rows.join("\n")}
| **all of it, ${(seconds(all) / 60).toFixed(1)} minutes of waiting** | ${all.length} | ${seconds(all).toFixed(0)} |

${sections.map(({ title, lines }) => `## ${title}\n\n${lines.map(({ text }) => text).join("\n")}`).join("\n")}`;
  writeFileSync(join(root, "docs/journey.md"), page);
  const first = { version: 2, width: 100, height: 40, title: "Plinth: from an empty folder to /plugins install" };
  writeFileSync(join(root, "docs/public/journey.cast"), `${[first, ...cast].map((one) => JSON.stringify(one)).join("\n")}\n`);
}
