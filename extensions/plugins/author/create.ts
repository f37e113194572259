import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, pathOf, type TerminalItem, word } from "./command.ts";
import type { Product } from "./product.ts";
import { writeTypes } from "./types.ts";
import { pointToSchema } from "./workspace.ts";

const PUBLISHER = /^[a-z][a-z0-9-]{0,38}$/;
const NAME = /^[a-z][a-z0-9-]{0,62}$/;
/** What every kind has. */
const SHARED = "_all";
/** npm drops a `.gitignore` from what it publishes, so the templates have such files under other names. */
const RENAMED: Record<string, string> = { _gitignore: ".gitignore", "_ci.yml": ".github/workflows/check.yml" };

/** `plinth create NAME`: a copy of a kind's template, its names and versions filled in. */
export async function* create({ product }: Author, input: CommandInput): AsyncIterable<TerminalItem> {
  const { publisher, name } = readName(word(input.args, "name") ?? "", word(input.options, "publisher"));
  const kind = word(input.options, "kind") ?? word(input.options, "template") ?? "tool";
  const templates = await findTemplate(product.templates(), kind);
  const target = pathOf(input, word(input.options, "dir") ?? name);
  await assertFree(target);
  const values: Record<string, string> = {
    __ID__: `${publisher}.${name}`,
    __NAME__: name,
    __PUBLISHER__: publisher,
    __TITLE__: name.replace(/^./, (letter) => letter.toUpperCase()).replaceAll("-", " "),
    __SDK__: await versionIn(product.sdk()),
    __PLINTH__: product.version,
  };
  const { makeFolders } = await import("@plinth/registry");
  const files = new Set<string>();
  for (const source of templates) {
    for (const file of await filesOf(source)) {
      const text = await readFile(join(source, file), "utf8");
      const name = RENAMED[file] ?? file;
      const path = join(target, name);
      makeFolders(dirname(path));
      await writeFile(
        path,
        text.replaceAll(/__(ID|NAME|PUBLISHER|TITLE|SDK|PLINTH)__/g, (placeholder) => values[placeholder]!),
        { flag: "wx" },
      );
      files.add(name);
    }
  }
  if (await addTypes(target)) files.add("src/manifest.ts");
  const linked = await linkCheckout(target, product);
  if (!linked) await pointToSchema(target);
  const shown = relative(input.terminal.cwd, target) || ".";
  yield answer(input, { id: values.__ID__, kind, dir: target, files: [...files].sort(), linked }, [
    `Made ${values.__ID__} in ${shown}.`,
    `Next: cd ${shown} && ${linked ? "" : "npm install && "}npm test`,
  ]);
}

function readName(typed: string, option: string | undefined): { publisher: string; name: string } {
  const dot = typed.indexOf(".");
  const publisher = option ?? (dot < 0 ? "local" : typed.slice(0, dot));
  const name = typed.slice(dot + 1);
  if (dot >= 0 && publisher !== typed.slice(0, dot)) {
    throw new PlinthError("PLINTH_NAME", `The name ${typed} and the publisher ${publisher} do not agree.`, {
      next: "Give the publisher once.",
    });
  }
  if (PUBLISHER.test(publisher) && NAME.test(name)) return { publisher, name };
  throw new PlinthError("PLINTH_NAME", `${JSON.stringify(`${publisher}.${name}`)} cannot be an extension's id.`, {
    next: "Use lower-case letters, digits and dashes, a letter first, such as acme.weather.",
  });
}

/** The folders to copy: what every kind has, and what this one has. */
async function findTemplate(folder: string, kind: string): Promise<string[]> {
  const all = (await readdir(folder, { withFileTypes: true })).filter((one) => one.isDirectory()).map((one) => one.name);
  const kinds = all.filter((name) => name !== SHARED);
  if (kinds.includes(kind)) return [SHARED, kind].filter((name) => all.includes(name)).map((name) => join(folder, name));
  throw new PlinthError("PLINTH_TEMPLATE_UNKNOWN", `There is no kind ${JSON.stringify(kind)} to start from.`, {
    next: `There is: ${kinds.sort().join(", ")}.`,
  });
}

async function assertFree(target: string): Promise<void> {
  const there = await readdir(target).catch((error: { code?: string }) => {
    if (error.code === "ENOENT") return [];
    throw new PlinthError("PLINTH_FOLDER_TAKEN", `${target} cannot be used as a new folder (${error.code}).`, {
      next: "Choose another with --dir.",
    });
  });
  if (there.length > 0) {
    throw new PlinthError("PLINTH_FOLDER_TAKEN", `${target} is not empty.`, {
      next: "Choose another folder with --dir; nothing was written.",
    });
  }
}

async function filesOf(dir: string): Promise<string[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = all.filter((one) => one.isFile()).map((one) => relative(dir, join(one.parentPath, one.name)));
  return files.filter((file) => !file.split("/").includes("node_modules")).sort();
}

/** The manifest's types, for kinds that have code. */
async function addTypes(target: string): Promise<boolean> {
  const { readManifest } = await import("@plinth/registry");
  const manifest = await readManifest(target);
  if (manifest.entry === undefined) return false;
  await writeTypes(target, manifest);
  return true;
}

async function versionIn(folder: string | undefined): Promise<string> {
  if (folder === undefined) return "1";
  return (JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

/**
 * In a source checkout, what `npm install` would fetch is there already: links to it let the project work at once, without a
 * network. They lie in node_modules only; what is written down names versions, and is the same everywhere.
 */
async function linkCheckout(target: string, product: Product): Promise<boolean> {
  const [checkout, sdk, bin] = [product.checkout(), product.sdk(), product.bin()];
  if (checkout === undefined || sdk === undefined || bin === undefined) return false;
  const installed = join(checkout, "node_modules");
  const links: Record<string, string> = {
    "@plinth/sdk": sdk.replace(/\/$/, ""),
    vitest: join(installed, "vitest"),
    typescript: join(installed, "typescript"),
    ".bin/plinth": bin,
    ".bin/vitest": join(installed, "vitest/vitest.mjs"),
    ".bin/tsc": join(installed, "typescript/bin/tsc"),
    ".bin/node": join(installed, "node/bin/node"),
  };
  for (const [name, place] of Object.entries(links)) {
    const link = join(target, "node_modules", name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(place, link);
  }
  return true;
}
