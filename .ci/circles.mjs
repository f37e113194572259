// Files that import each other in a circle, types included: none can be understood, tested or moved without the others.
// `node .ci/circles.mjs` fails on the first of them; lint runs it.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["kernel", "manifests", "sdk", "registry", "extensions", "templates"];
const PACKAGES = { "@plinth/manifests": "manifests", "@plinth/kernel": "kernel", "@plinth/sdk": "sdk", "@plinth/registry": "registry" };
const LEFT_OUT = /(^|\/)(node_modules|generated|dist)(\/|$)/;

/** What a file imports, exports from, or names in an import type. */
export function specifiers(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern =
    /(?:^|[\s;}])(?:import|export)\s[^"'`;]*?from\s*["']([^"']+)["']|(?:^|[\s;}])import\s*["']([^"']+)["']|\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** The file of the project that an import reaches; null when it is not of the project. */
function fileOf(from, specifier, files) {
  const path = specifier.startsWith(".") ? join(dirname(from), specifier) : ofPackage(specifier);
  return path === null ? null : ([path, `${path}.ts`, `${path}.tsx`, join(path, "index.ts")].find((one) => files.has(one)) ?? null);
}

function ofPackage(specifier) {
  const [scope, name, ...rest] = specifier.split("/");
  const folder = PACKAGES[`${scope}/${name}`];
  return folder === undefined ? null : join(folder, ...rest);
}

/** One circle for each group of files that reach each other, as the shortest way round through its first file. */
export function circles(sources) {
  const files = new Map(Object.entries(sources));
  const edges = new Map(
    [...files].map(([path, text]) => [path, [...new Set(specifiers(text).map((one) => fileOf(path, one, files)))].filter((one) => one !== null)]),
  );
  const found = [];
  const seen = new Set();
  for (const start of [...files.keys()].sort()) {
    if (seen.has(start)) continue;
    const round = wayBack(start, edges);
    if (round === null) continue;
    for (const one of round) seen.add(one);
    found.push(round);
  }
  return found;
}

/** Breadth first, so that the circle that is shown is a short one. */
function wayBack(start, edges) {
  const cameFrom = new Map();
  const queue = [start];
  for (const at of queue) {
    for (const next of edges.get(at) ?? []) {
      if (next === start) return trace(at, start, cameFrom);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return null;
}

function trace(last, start, cameFrom) {
  const path = [start];
  for (let at = last; at !== start; at = cameFrom.get(at)) path.splice(1, 0, at);
  return path;
}

export function projectFiles(root = ROOT) {
  const paths = globSync(`{${FOLDERS.join(",")}}/**/*.{ts,tsx,mts}`, { cwd: root, exclude: (path) => LEFT_OUT.test(path) });
  return Object.fromEntries(
    paths.filter((path) => !path.endsWith(".d.ts")).map((path) => [relative(root, join(root, path)), readFileSync(join(root, path), "utf8")]),
  );
}

if (process.argv[1] !== undefined && existsSync(process.argv[1]) && import.meta.filename === process.argv[1]) {
  const found = circles(projectFiles());
  for (const round of found) console.error(`a circle of imports: ${[...round, round[0]].join(" → ")}`);
  process.exit(found.length === 0 ? 0 : 1);
}
