import { isBuiltin } from "node:module";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { BuildFailure, Metafile } from "esbuild";

type Inputs = Metafile["inputs"];

/** Modules of Node's that the code still imports. Another kind of import that did not fail is only tried, in a `try`. */
export const builtinsOf = ({ outputs }: Metafile): string[] => {
  const imports = Object.values(outputs).flatMap((output) => output.imports.filter(({ kind }) => kind === "import-statement"));
  return [...new Set(imports.map(({ path }) => path))].filter(isBuiltin).sort();
};

/** Those that a build failed for. */
export const unresolvedBuiltins = ({ errors = [] }: BuildFailure): string[] =>
  [...new Set(errors.map(({ text }) => /^Could not resolve "([^"]+)"/.exec(text)?.[1] ?? ""))].filter(isBuiltin).sort();

const NETWORK = "use fetch or ctx.fetch, WebSocket or ctx.connect";
const FILES = "use ctx.files, or ctx.store for what it keeps itself";
const PROGRAMS = "use ctx.exec or ctx.spawn";
const sameName = (name: string): string => `install the package of that name (\`npm install ${name}\`), which needs no Node`;
/** For a module of Node's, without `node:` and what follows a slash. */
const INSTEAD: Readonly<Record<string, string>> = {
  fs: FILES,
  crypto: "use the global crypto (random values, hashes, HMAC)",
  child_process: PROGRAMS,
  ...Object.fromEntries(["http", "https", "http2", "net", "tls", "dns", "dgram"].map((name) => [name, NETWORK])),
  ...Object.fromEntries(
    ["assert", "buffer", "events", "punycode", "querystring", "string_decoder", "url", "util"].map((name) => [name, sameName(name)]),
  ),
  timers: "use the global timers",
  perf_hooks: "use the global performance",
  stream: "use the global ReadableStream and its kind, or the package readable-stream",
};

/** For libraries that people ask for and that cannot do without Node. */
const LIBRARIES: Readonly<Record<string, string>> = {
  jsdom: "cheerio or linkedom read HTML",
  xml2js: "fast-xml-parser reads XML",
  "rss-parser": "ctx.fetch with fast-xml-parser reads feeds",
  ...Object.fromEntries(["undici", "node-fetch", "got", "superagent"].map((name) => [name, NETWORK])),
  ws: "use the global WebSocket",
  dotenv: "use the extension's configuration (`config` in plinth.json)",
  ...Object.fromEntries(["better-sqlite3", "sqlite3", "lowdb"].map((name) => [name, "use ctx.store"])),
  ...Object.fromEntries(["fs-extra", "glob", "fast-glob", "chokidar"].map((name) => [name, FILES])),
  ...Object.fromEntries(["execa", "cross-spawn", "puppeteer", "playwright"].map((name) => [name, PROGRAMS])),
  ...Object.fromEntries(["pino", "winston"].map((name) => [name, "use ctx.log"])),
};

/**
 * Why a bundle cannot be made for an isolate: which modules of Node's are missing, who imports them, and what there is instead.
 *
 * @param inputs of a build in which the modules of Node's were left out.
 */
export function missingModules(id: string, entry: string, inputs: Inputs, names: readonly string[]): PlinthError {
  const ways = new Map<string, string[]>();
  for (const name of names) {
    const way = wayTo(name, entry, inputs).join(" > ");
    ways.set(way, [...(ways.get(way) ?? []), name]);
  }
  const found = [...ways].map(([way, some]) => `${some.join(", ")} (imported by ${way})`);
  // The package that the extension itself asked for.
  const library = [...ways.keys()]
    .map((way) => way.split(" > ").find((label) => Object.hasOwn(LIBRARIES, label)))
    .find((label) => label !== undefined);
  const name = names.find((one) => Object.hasOwn(INSTEAD, bare(one)));
  const advice =
    library !== undefined
      ? `Instead of ${library}: ${LIBRARIES[library]}.`
      : name !== undefined
        ? `Instead of ${name}: ${INSTEAD[bare(name)]}.`
        : "Take a library that is made for browsers too.";
  return new PlinthError("PLINTH_PACK_BUILTIN", `${id} imports what the isolate tier does not have: ${found.join("; ")}.`, {
    next: `${advice} Or take "isolate" out of \`tiers\` in plinth.json: the process tier has Node's modules.`,
  });
}

const bare = (name: string): string => name.replace(/^node:/, "").replace(/\/.*/, "");

/** From the extension's own source to the module, packages by their names. */
function wayTo(name: string, entry: string, inputs: Inputs): string[] {
  const from = new Map<string, string | null>([[entry, null]]);
  for (const path of from.keys()) {
    for (const { path: to, external } of inputs[path]?.imports ?? []) {
      if (external === true && to === name) return labels(path, from);
      if (external !== true && !from.has(to)) from.set(to, path);
    }
  }
  return [entry];
}

function labels(last: string, from: ReadonlyMap<string, string | null>): string[] {
  const way: string[] = [];
  for (let path: string | null = last; path !== null; path = from.get(path) ?? null) {
    const label = packageOf(path);
    if (way[0] !== label) way.unshift(label);
  }
  return way;
}

/** `node_modules/cheerio/dist/index.js` is cheerio; other files go by their paths. */
const packageOf = (path: string): string => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? path.replace(/^(\.\.\/)+/, "");
