import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { BuildFailure, Metafile, Plugin } from "esbuild";
import { type BuildSettings, forIsolate, forProcess, requireOf } from "./bundle-target.ts";
import { type BundledPackages, bundledPackages } from "./bundled-packages.ts";
import { loadEsbuild } from "./load-esbuild.ts";
import { builtinsOf, missingModules, unresolvedBuiltins } from "./missing-modules.ts";

export interface BundleOptions {
  /** The folder of @plinth/sdk, for extensions that have none of their own installed. */
  sdkDir?: string;
}

export interface Bundle {
  code: string;
  /** npm packages that became part of it. */
  bundled: BundledPackages;
  /** Absolute paths of the files that went into it. */
  inputs: string[];
}

const SOURCES = ["src/index.ts", "src/index.js", "index.ts", "index.js"];

/**
 * An extension's source as one ES module. The same source gives the same text, wherever the folder lies. Where the isolate tier is
 * among its tiers, libraries are taken in the form that they have for browsers, without Node's modules.
 *
 * @throws PLINTH_PACK_SOURCE, PLINTH_PACK_BUNDLE, PLINTH_PACK_BUILTIN when a library needs a module of Node's and an isolate has none.
 */
export async function bundleExtension(
  dir: string,
  { id, tiers = [...ISOLATE_TOO] }: Pick<Manifest, "id" | "tiers">,
  options: BundleOptions = {},
): Promise<Bundle> {
  const folder = await realpath(dir);
  const source = sourceIn(dir);
  const run = (settings: BuildSettings) => buildOf([join(folder, source)], folder, settings, options);
  const isolated = isForIsolate({ tiers });
  /** Which of Node's modules are wanted, found by a build that leaves them all out. */
  const missing = async (names: readonly string[]): Promise<PlinthError> =>
    missingModules(id, source, (await run(forIsolate("all"))).metafile.inputs, names);
  const result = await run(isolated ? forIsolate("imported") : forProcess).catch(async (error: BuildFailure) => {
    const names = isolated ? unresolvedBuiltins(error) : [];
    throw names.length > 0 ? await missing(names).catch(() => bundleFailed(error)) : bundleFailed(error);
  });
  const builtins = builtinsOf(result.metafile);
  if (isolated && builtins.length > 0) throw await missing(builtins);
  return bundleOf(result.outputFiles[0]!.text, result.metafile, folder, isolated);
}

/**
 * Several that no isolate is to run, each a module of its own: what they share is read once. The same sources give the
 * same texts, whoever is bundled with whom.
 *
 * @param base the folder from which the texts name what is inside of it.
 */
export async function bundleTogether(dirs: readonly string[], base: string, options: BundleOptions = {}): Promise<Bundle[]> {
  if (dirs.length === 0) return [];
  const sources = await Promise.all(dirs.map(async (dir) => join(await realpath(dir), sourceIn(dir))));
  const { outputFiles, metafile } = await buildOf(sources, base, forProcess, options).catch((error: BuildFailure) => {
    throw bundleFailed(error);
  });
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  return Promise.all(sources.map((_, at) => bundleOf(texts.get(`${at}.js`)!, partOf(metafile, `${OUT}/${at}.js`), base, false)));
}

const ISOLATE_TOO = ["isolate", "process"] as const;

/** Whether an isolate may run it, which has none of Node's modules. */
export const isForIsolate = ({ tiers = [...ISOLATE_TOO] }: Pick<Manifest, "tiers">): boolean => tiers.includes("isolate");

/** Never written: a name that no source has. */
const OUT = ".plinth-bundles";

async function buildOf(sources: readonly string[], base: string, settings: BuildSettings, options: BundleOptions) {
  const { build } = await loadEsbuild();
  return build({
    ...settings,
    absWorkingDir: base,
    entryPoints: Object.fromEntries(sources.map((source, at) => [String(at), source])),
    bundle: true,
    write: false,
    outdir: OUT,
    format: "esm",
    target: "node26",
    charset: "utf8",
    legalComments: "inline",
    minify: false,
    sourcemap: false,
    metafile: true,
    logLevel: "silent",
    // A source checkout of the SDK offers its TypeScript under this condition.
    conditions: [...settings.conditions, ...(fromSources(options.sdkDir) ? ["development"] : [])],
    // Settings of the machine that packs must not reach the bundle.
    tsconfigRaw: { compilerOptions: { target: "ES2024", verbatimModuleSyntax: true } },
    plugins: [...settings.plugins, ...(options.sdkDir === undefined ? [] : [sdkFallback(options.sdkDir)])],
  });
}

async function bundleOf(text: string, metafile: Metafile, base: string, isolated: boolean): Promise<Bundle> {
  const code = placeless(text, metafile);
  return {
    code: isolated ? code : requireOf(code, metafile) + code,
    bundled: await bundledPackages(base, metafile),
    inputs: Object.keys(metafile.inputs).map((path) => resolve(base, path)),
  };
}

function sourceIn(dir: string): string {
  const source = SOURCES.find((candidate) => existsSync(join(dir, candidate)));
  if (source !== undefined) return source;
  throw new PlinthError("PLINTH_PACK_SOURCE", `${dir} has none of ${SOURCES.join(", ")}.`, {
    next: "Add src/index.ts, or remove `entry` from plinth.json when the extension is data only.",
  });
}

/** What belongs to one output: itself, and all that its entry reaches. */
function partOf({ inputs, outputs }: Metafile, name: string): Metafile {
  const output = outputs[name]!;
  const reached = new Set([output.entryPoint!]);
  for (const path of reached) for (const { path: to } of inputs[path]?.imports ?? []) if (inputs[to] !== undefined) reached.add(to);
  return { inputs: Object.fromEntries([...reached].map((path) => [path, inputs[path]!])), outputs: { [name]: output } };
}

const fromSources = (sdkDir: string | undefined): boolean => sdkDir !== undefined && existsSync(join(sdkDir, "extension/index.ts"));

/** Resolves @plinth/sdk as everybody would, and from the product where nothing is installed. */
function sdkFallback(sdkDir: string): Plugin {
  const asked = Symbol("asked");
  return {
    name: "plinth-sdk",
    setup(build) {
      build.onResolve({ filter: /^@plinth\/sdk(?:\/kits\/[a-z-]+)?$/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === asked) return undefined;
        const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: asked });
        if (found.errors.length === 0) return found;
        const folder = path === "@plinth/sdk" ? "extension" : path.slice("@plinth/sdk/".length);
        const entry = [`${folder}/index.ts`, `${folder}/index.js`].find((candidate) => existsSync(join(sdkDir, candidate)));
        return entry === undefined ? undefined : { path: await realpath(join(sdkDir, entry)), sideEffects: false };
      });
    },
  };
}

/**
 * esbuild names each module by its path from the packed folder, in a comment and, for CommonJS, in a string. What lies
 * outside that folder would make the bytes depend on where it lies, and tell about the packer's machine.
 */
function placeless(code: string, metafile: Metafile): string {
  const outside = Object.keys(metafile.inputs).filter((path) => path.startsWith("../") || path.startsWith("/"));
  const comments = new Set(outside.map((path) => `// ${path}`));
  // What says of which library the code below is stays; what says where else it lay does not.
  const placed = (line: string): string[] => (!comments.has(line) ? [line] : line.includes("node_modules/") ? [`// ${neutral(line)}`] : []);
  const lines = code.split("\n").flatMap(placed);
  return lines.join("\n").replaceAll(/"([^"\n]+)"\(/g, (text, path: string) => (comments.has(`// ${path}`) ? `"${neutral(path)}"(` : text));
}

const neutral = (path: string): string => path.replace(/^.*(?=node_modules\/)/, "").replace(/^(\.\.\/)+/, "");

function bundleFailed(error: BuildFailure): PlinthError {
  const [first] = error.errors ?? [];
  const at = first?.location ? ` (${first.location.file}:${first.location.line})` : "";
  const text = first?.text ?? error.message;
  return new PlinthError("PLINTH_PACK_BUNDLE", `The extension cannot be bundled: ${text}${at}.`, { next: nextOf(text), cause: error });
}

function nextOf(text: string): string {
  if (/for "\.node" files/.test(text))
    return "It is compiled for one kind of machine: take a library that is JavaScript only, or run its program with ctx.exec.";
  const [, missing] = /^Could not resolve "((?:@[\w.-]+\/)?[\w.-]+)/.exec(text) ?? [];
  if (missing === undefined || missing.startsWith(".")) return "Correct the source at the named place.";
  return `Run \`npm install ${missing}\` in the project, or correct its name.`;
}
