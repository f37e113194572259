import { isBuiltin } from "node:module";
import type { BuildOptions, Metafile, Plugin } from "esbuild";

export type BuildSettings = Required<Pick<BuildOptions, "platform" | "conditions" | "define" | "plugins">>;

/** Libraries ask it to leave out what helps their own developers. */
const define = { "process.env.NODE_ENV": '"production"' };

/**
 * For an engine without Node: packages that have a form for browsers or their workers give that one.
 *
 * @param left which of Node's modules are left out, so that the build goes on: `imported` by statement (such an import may be dropped
 * as unused; a `require` in a `try` may fail), or `all`.
 */
export const forIsolate = (left: "imported" | "all"): BuildSettings => ({
  platform: "browser",
  // A worker has no document either.
  conditions: ["worker", "browser", "module"],
  define,
  plugins: [leftOut(left)],
});

export const forProcess: BuildSettings = { platform: "node", conditions: ["module"], define, plugins: [] };

/** What a package replaces for browsers, and packages that are called like a module of Node's, come first. */
function leftOut(left: "imported" | "all"): Plugin {
  const asked = Symbol("asked");
  return {
    name: "node-modules",
    setup(build) {
      build.onResolve({ filter: /^(node:)?[a-z_0-9/]+$/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === asked || !isBuiltin(path) || (left === "imported" && kind !== "import-statement")) return undefined;
        const { errors } = await build.resolve(path, { importer, resolveDir, kind, pluginData: asked });
        return errors.length === 0 ? undefined : { path, external: true, sideEffects: false };
      });
    },
  };
}

/**
 * What CommonJS in a bundle asks for: `require` of just those modules of Node's that the bundle names, each as an import that
 * a reader of the code sees, and the place of the module. Nothing, where nothing asks.
 */
export function requireOf(code: string, { outputs }: Metafile): string {
  const required = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ kind, path }) => kind === "require-call" && isBuiltin(path)));
  const names = [...new Set(required.map(({ path }) => path))].sort();
  const lines: string[] = names.map((name, at) => `import __node${at} from ${JSON.stringify(name)};`);
  if (names.length > 0) {
    lines.push(`const __modules = new Map([${names.map((name, at) => `[${JSON.stringify(name)}, __node${at}]`).join(", ")}]);`);
    lines.push(
      'const require = (name) => { if (__modules.has(name)) return __modules.get(name); throw Object.assign(new Error("Cannot find module " + name), { code: "MODULE_NOT_FOUND" }); };',
    );
  }
  if (/\b__(?:filename|dirname)\b/.test(code)) lines.push("const __filename = import.meta.filename, __dirname = import.meta.dirname;");
  return lines.map((line) => `${line}\n`).join("");
}
