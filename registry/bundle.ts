import { existsSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { BuildFailure, Metafile, Plugin } from "esbuild";
import { type BundledPackages, bundledPackages } from "./bundled-packages.ts";
import { loadEsbuild } from "./load-esbuild.ts";

export interface BundleOptions {
  /** The folder of @plinth/sdk, for extensions that have none of their own installed. */
  sdkDir?: string;
  /** What stands before the bundle, such as what CommonJS inside it asks for. Default: nothing. */
  banner?: string;
}

export interface Bundle {
  code: string;
  /** node: modules that the code imports. */
  builtins: string[];
  /** npm packages that became part of it. */
  bundled: BundledPackages;
  /** Absolute paths of the files that went into it. */
  inputs: string[];
}

const SOURCES = ["src/index.ts", "src/index.js", "index.ts", "index.js"];

/** An extension's source as one ES module. The same source gives the same text, wherever the folder lies. */
export async function bundleExtension(dir: string, options: BundleOptions = {}): Promise<Bundle> {
  const source = SOURCES.find((candidate) => existsSync(join(dir, candidate)));
  if (source === undefined) {
    throw new PlinthError("PLINTH_PACK_SOURCE", `${dir} has none of ${SOURCES.join(", ")}.`, {
      next: "Add src/index.ts, or remove `entry` from plinth.json when the extension is data only.",
    });
  }
  const { build } = await loadEsbuild();
  const folder = await realpath(dir);
  const result = await build({
    absWorkingDir: folder,
    entryPoints: [source],
    bundle: true,
    write: false,
    outfile: "index.js",
    format: "esm",
    platform: "node",
    target: "node26",
    charset: "utf8",
    legalComments: "inline",
    minify: false,
    sourcemap: false,
    metafile: true,
    logLevel: "silent",
    // A source checkout of the SDK offers its TypeScript under this condition.
    conditions: options.sdkDir !== undefined && existsSync(join(options.sdkDir, "extension/index.ts")) ? ["development"] : [],
    // Settings of the machine that packs must not reach the bundle.
    tsconfigRaw: { compilerOptions: { target: "ES2024", verbatimModuleSyntax: true } },
    ...(options.banner === undefined ? {} : { banner: { js: options.banner } }),
    plugins: options.sdkDir === undefined ? [] : [sdkFallback(options.sdkDir)],
  }).catch((error: BuildFailure) => {
    throw bundleFailed(error);
  });
  const builtins = new Set(Object.values(result.metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)));
  return {
    code: placeless(result.outputFiles[0]!.text, result.metafile),
    builtins: [...builtins].filter(isBuiltin).sort(),
    bundled: await bundledPackages(folder, result.metafile),
    inputs: Object.keys(result.metafile.inputs).map((path) => resolve(folder, path)),
  };
}

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
  const lines = code.split("\n").filter((line) => !comments.has(line));
  return outside.reduce((text, path) => text.replaceAll(`"${path}"(`, `"${neutral(path)}"(`), lines.join("\n"));
}

const neutral = (path: string) => path.slice(path.lastIndexOf("node_modules/") + 1).replace(/^(\.\.\/)+/, "");

function bundleFailed(error: BuildFailure): PlinthError {
  const [first] = error.errors ?? [];
  const [, missing] = /^Could not resolve "((?:@[\w.-]+\/)?[\w.-]+)/.exec(first?.text ?? "") ?? [];
  const at = first?.location ? ` (${first.location.file}:${first.location.line})` : "";
  return new PlinthError("PLINTH_PACK_BUNDLE", `The extension cannot be bundled: ${first?.text ?? error.message}${at}.`, {
    next:
      missing?.startsWith(".") === false
        ? `Run \`npm install ${missing}\` in the project, or correct its name.`
        : "Correct the source at the named place.",
    cause: error,
  });
}
