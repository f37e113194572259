// What all compiled validators have in common: how ajv writes them, and how their text is made small.
import { join } from "node:path";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");

export const OPTIONS = {
  strict: false,
  validateSchema: false,
  allErrors: false,
  ownProperties: true,
  code: { source: true, esm: true, lines: false, optimize: false },
};

/** A schema as JSON has it. */
export const plain = (schema) => JSON.parse(JSON.stringify(schema));

/** A schema without its words, which no validator reads: what differs in them only is the same. */
export function bare(schema, isMap = false) {
  if (Array.isArray(schema)) return schema.map((one) => bare(one));
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => isMap || !(key === "description" && typeof value === "string"));
  return Object.fromEntries(kept.map(([key, value]) => [key, VALUES.has(key) && !isMap ? value : bare(value, !isMap && MAPS.has(key))]));
}
const MAPS = new Set(["properties", "patternProperties", "$defs"]);
const VALUES = new Set(["const", "enum", "default", "required"]);

/**
 * Write compiled validators into a folder, each with what it needs of ajv at run time.
 *
 * @param modules the name of each without its ending, and its text.
 */
export async function pack(out, modules, options) {
  const texts = new Map(modules.map(([name, text]) => [`validators:${name}`, text]));
  await build({
    bundle: true,
    platform: "node",
    target: "node26",
    minify: true,
    logLevel: "error",
    absWorkingDir: root,
    entryPoints: modules.map(([name]) => ({ in: `validators:${name}`, out: name })),
    outdir: out,
    plugins: [
      {
        name: "validators",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^validators:/ }, ({ path }) => ({ path, namespace: "validators" }));
          onLoad({ filter: /./, namespace: "validators" }, ({ path }) => ({ contents: texts.get(path), resolveDir: root, loader: "js" }));
        },
      },
    ],
    ...options,
  });
}
