// Keeps what each part of the build gave, by the content of all that went into it, so that a build makes what changed.
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import * as esbuild from "esbuild";

const root = join(import.meta.dirname, "..");
const folder = join(root, "node_modules/.cache/plinth-build");
/** Not sources: made by a build, or installed. */
const MADE = new Set(["node_modules", "generated", "dist"]);
/** What goes into every part: how it is built, and with what. */
const ALWAYS = ["package-lock.json", "package.json", "tsconfig.json"];
// The bundler's process ends with the build: collecting its garbage costs a quarter of its time.
process.env.GOGC ??= "800";
const inputs = new AsyncLocalStorage();
const hashes = new Map();
/** The same, of those that were read already. */
const known = new Map();
const times = new Map();

/** Bundle; whoever asks tells what went into what. */
export const bundle = (options) => esbuild.build({ absWorkingDir: root, ...options, metafile: true });

/** Whether there is a file of what went into a bundle: what has none, such as standard input, begins with a bracket. */
export const isFile = (path) => !/^[<(]/.test(path);

/** Bundle, and note what went into it for the part that is being built. */
export async function build(options) {
  const result = await bundle(options);
  for (const path of Object.keys(result.metafile.inputs)) if (isFile(path)) inputs.getStore()?.add(path);
  return result;
}

/**
 * A module that parts are made with, as a part of its own. What is made with it depends on its bytes, not on each of its sources.
 *
 * @returns where it is kept, as a path from the root.
 */
export async function tool(name, out, make) {
  await inputs.run(new Set(), () => part(name, out, [], make));
  // By itself, where it has the same name in each build.
  const kept = join(folder, `${name}.mjs`);
  await mkdir(folder, { recursive: true });
  await replace(kept, [await readFile(join(out, "tool.mjs"))]);
  return relative(root, kept);
}

/** What went into the part that is being built without being bundled by `build`; absolute paths. */
export function used(...paths) {
  for (const path of paths) inputs.getStore()?.add(relative(root, path));
}

/** Every source below some folders, as paths from the root. */
export async function sourcesIn(...places) {
  const found = await Promise.all(
    places.map(async (place) => {
      const all = await readdir(join(root, place), { recursive: true, withFileTypes: true });
      return all.filter((one) => one.isFile()).map((one) => relative(root, join(one.parentPath, one.name)));
    }),
  );
  return found.flat().filter((path) => !path.split(/[\\/]/).some((name) => MADE.has(name)));
}

/**
 * Make `out`, or take it as it was made when everything that went into it was the same.
 *
 * @param files what goes into it besides what is bundled, as paths from the root.
 * @returns all that went into it, which goes into the part that this is made for, too.
 */
export async function part(name, out, files, make) {
  const [went] = await parts([{ name, out, files }], async () => {
    await make();
    return [[]];
  });
  return went;
}

/**
 * Several parts; those that are stale are made together.
 *
 * @param list each with `name`, `out` and `files` as above.
 * @param make gets the stale ones, and tells for each what went into it besides what goes into all of them.
 */
export async function parts(list, make) {
  const taken = await Promise.all(list.map(take));
  const stale = list.filter((_, at) => taken[at] === undefined);
  if (stale.length > 0) {
    const began = Date.now();
    const common = new Set();
    const own = await inputs.run(common, () => make(stale));
    const made = Date.now();
    const all = stale.map(({ files }, at) => [...new Set([...files, ...common, ...own[at]])]);
    for (const [at, one] of stale.entries()) taken[list.indexOf(one)] = all[at];
    await Promise.all(stale.map((one, at) => keep(one, all[at], began, made)));
  }
  for (const path of taken.flat()) inputs.getStore()?.add(path);
  return taken;
}

/** What went into a part that is kept and not stale; undefined for any other. */
async function take({ name, out, files }) {
  const kept = await readFile(join(folder, `${name}.part`)).catch(() => null);
  if (kept === null) return undefined;
  const end = kept.indexOf("\n");
  const record = JSON.parse(kept.subarray(0, end));
  if (record.common !== (await common()) || !files.every((path) => Object.hasOwn(record.inputs, path)) || !(await isSame(record.inputs)))
    return undefined;
  for (const folder of new Set(record.made.map(([path]) => dirname(join(out, path))))) mkdirSync(folder, { recursive: true });
  let at = end + 1;
  for (const [path, length] of record.made) writeFileSync(join(out, path), kept.subarray(at, (at += length)));
  return Object.keys(record.inputs);
}

let hashOfCommon;
/** What goes into every part, as one hash. */
function common() {
  hashOfCommon ??= sourcesIn(".ci").then((scripts) => hashOf([...ALWAYS, ...scripts]));
  return hashOfCommon;
}

/** Another build may keep the same part at the same moment: the last one does. */
async function keep({ name, out }, went, began, ended) {
  // A file that was edited meanwhile may have gone in before or after: then nothing is kept.
  const times = await Promise.all(went.map((path) => timeAfter(path, ended)));
  if (!times.every((time) => time < began)) return;
  // One file: to make files is most of what it costs to write them. A line says what went in and what came out, whose bytes follow.
  const made = readdirSync(out, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const paths = made.map((one) => join(one.parentPath, one.name));
  const bytes = paths.map((path) => readFileSync(path));
  const record = { common: await common(), inputs: await hashesOf(went), made: paths.map((path, at) => [relative(out, path), bytes[at].length]) };
  await mkdir(folder, { recursive: true });
  await replace(join(folder, `${name}.part`), [Buffer.from(`${JSON.stringify(record)}\n`), ...bytes]);
}

/** A file as a whole, or as it was: what cannot be kept is made again. */
async function replace(path, contents) {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(draft, Buffer.concat(contents));
    await rename(draft, path);
  } catch {
    await rm(draft, { force: true });
  }
}

/** When a file was changed last, looked at after a moment: once for many parts that were made by then. */
function timeAfter(path, moment) {
  const seen = times.get(path);
  if (seen !== undefined && seen.at >= moment) return seen.time;
  const time = stat(join(root, path)).then(({ mtimeMs }) => mtimeMs);
  times.set(path, { at: Date.now(), time });
  return time;
}

async function isSame(recorded) {
  const unread = Object.keys(recorded).filter((path) => !known.has(path));
  if (unread.length > 0) await Promise.all(unread.map(contentHash));
  return Object.entries(recorded).every(([path, hash]) => known.get(path) === hash);
}

async function hashesOf(paths) {
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await contentHash(path)])));
}

const hashOf = async (paths) => digest(JSON.stringify(await hashesOf(paths)));

/** Each file is read once in a build; null for one that is gone. */
function contentHash(path) {
  if (!hashes.has(path))
    hashes.set(
      path,
      readFile(join(root, path))
        .then(digest, () => null)
        .then((hash) => {
          known.set(path, hash);
          return hash;
        }),
    );
  return hashes.get(path);
}

const digest = (content) => createHash("sha256").update(content).digest("base64");
