// The documentation: `node .ci/docs.mjs` writes the reference pages, `node .ci/docs.mjs build` then builds the site.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { referencePages } from "../docs/generate/pages.mjs";

const root = join(import.meta.dirname, "..");
const docs = join(root, "docs");

await writePages();
if (process.argv[2] === "build") buildSite();

/** docs/reference/ is made anew: a page whose source is gone must not stay. */
async function writePages() {
  const pages = await referencePages(root);
  const out = join(docs, "reference");
  await rm(out, { recursive: true, force: true });
  for (const [name, text] of pages) {
    await mkdir(dirname(join(out, name)), { recursive: true });
    await writeFile(join(out, name), text);
  }
  console.error(`${pages.size} reference files in docs/reference`);
}

/** A dead link ends it with status 1. */
function buildSite() {
  const vitepress = join(docs, "node_modules/vitepress/bin/vitepress.js");
  if (!existsSync(vitepress)) run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], process.platform === "win32");
  run(process.execPath, [vitepress, "build", docs, ...process.argv.slice(3)], false);
}

function run(command, args, shell) {
  const { status } = spawnSync(command, args, { cwd: docs, stdio: "inherit", shell });
  if (status !== 0) process.exit(status ?? 1);
}
