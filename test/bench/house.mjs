// A copy of this repository with many more first-party extensions, for the rows that say what a big house costs. Never committed.
import { execFileSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./lab.mjs";

/** Copy the sources, with the installed packages linked and a build cache of its own. `remove` takes it away. */
export function copyOfHouse() {
  const house = mkdtempSync(join(tmpdir(), "plinth-house-"));
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const path of listed.split("\0").filter((one) => one !== "" && lstatSync(join(root, one), { throwIfNoEntry: false })?.isFile())) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    cpSync(join(root, path), join(house, path));
  }
  mkdirSync(join(house, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")).filter((one) => one !== ".cache")) {
    const from = join(root, "node_modules", name);
    // The workspaces are the copy's own: their links lead from where they lie.
    if (name === "@plinth") cpSync(from, join(house, "node_modules", name), { recursive: true, verbatimSymlinks: true });
    else symlinkSync(from, join(house, "node_modules", name));
  }
  return { house, remove: () => rmSync(house, { recursive: true, force: true }) };
}

/** Write `count` first-party extensions: of five, three are tools, one fetches over HTTP with a kit, one is a vendor's data without code. */
export function furnish(house, count) {
  const dirs = [];
  for (let index = 0; index < count; index++) {
    const dir = join(house, "extensions/generated", `thing-${index}`);
    mkdirSync(dir, { recursive: true });
    const kind = index % 5 === 4 ? "data" : index % 5 === 3 ? "fetch" : "tool";
    writeFileSync(join(dir, "plinth.json"), JSON.stringify(manifestOf(index, kind), null, 2));
    writeFileSync(join(dir, "README.md"), `# Thing ${index}\n\nMade for a measurement.\n`);
    if (kind !== "data") {
      writeFileSync(join(dir, "index.ts"), entryOf(index, kind));
      for (let part = 0; part < 4; part++) writeFileSync(join(dir, `part-${part}.ts`), partOf(index, part));
    }
    dirs.push(dir);
  }
  return dirs;
}

/** What an edit of one line is: another number in one of its parts. */
export const edit = (dir, index, turn) => writeFileSync(join(dir, "part-0.ts"), partOf(index, 0, turn));

function manifestOf(index, kind) {
  const descriptor = {
    description: `Says what thing ${index} makes of a text.`,
    input: { type: "object", properties: { text: { type: "string" } } },
  };
  const vendor = {
    title: `Thing ${index}`,
    api: "openai-chat",
    priority: 5,
    baseUrls: { default: "https://api.example/v1" },
    auth: [{ kind: "none" }],
  };
  const provided =
    kind === "data"
      ? { contract: "plinth.model-vendor", descriptor: vendor }
      : { contract: "plinth.tool", descriptor: { ...descriptor, effects: [] } };
  return {
    id: `plinth.thing-${index}`,
    version: "1.0.0",
    title: `Thing ${index}`,
    description: "An extension that was made for a measurement.",
    license: "MIT",
    engines: { plinth: "^0.1.0" },
    ...(kind === "data" ? {} : { entry: "./index.js", tiers: ["host", "process"] }),
    provides: [{ version: "1.0.0", id: `thing-${index}`, ...provided }],
    ...(kind !== "tool" ? { permissions: { net: ["api.example"] } } : {}),
  };
}

const entryOf = (index, kind) => `import { defineExtension, PlinthError } from "@plinth/sdk";
${kind === "fetch" ? 'import { jsonCall } from "@plinth/sdk/kits/http";\n' : ""}${[0, 1, 2, 3].map((part) => `import { part${part} } from "./part-${part}.ts";`).join("\n")}

export default defineExtension({
  activate(ctx) {
    ctx.provide("plinth.tool", "thing-${index}", {
      call({ args }) {
        const { text = "" } = args as { text?: string };
        if (text.length > 100_000) throw new PlinthError("PLINTH_THING", "The text is too long.", { next: "Give less." });
${kind === "fetch" ? '        if (typeof jsonCall !== "function") throw new Error("the kit is not there");\n' : ""}        return { content: [{ type: "text", text: [part0, part1, part2, part3].reduce((said, one) => one(said), text) }] };
      },
    });
  },
});
`;

/** Some forty lines that say something, as sources do. */
function partOf(index, part, turn = 0) {
  const lines = Array.from(
    { length: 18 },
    (_, at) => `  if (text.length % ${at + 2} === ${(index + at) % (at + 2)}) words.push(\`${at} of ${index}: \${text.slice(${at})}\`);`,
  );
  return `/** Part ${part} of thing ${index}. */
export function part${part}(text: string): string {
  const words: string[] = ["${turn}"];
${lines.join("\n")}
  return words.join(" ");
}
`;
}
