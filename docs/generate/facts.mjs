/** Everything that the reference pages are made from: the shared language's sources and the built product's data. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const plain = (value) => JSON.parse(JSON.stringify(value));
const canonical = (value) =>
  JSON.stringify(value, (_key, one) => (one?.constructor === Object ? Object.fromEntries(Object.entries(one).sort()) : one));

export async function readFacts(root) {
  const dist = join(root, "dist");
  if (!existsSync(join(dist, "commands.json"))) throw new Error("The product is not built: run `npm run build` first.");
  const json = async (path) => JSON.parse(await readFile(path, "utf8"));
  const builtIn = join(dist, "built-in/packages/plinth");
  const packages = Promise.all((await readdir(builtIn)).map(async (name) => (await json(join(builtIn, name))).versions.at(-1).manifest));
  const [modules, { version, commands }, bundled, product, help] = await Promise.all([
    importManifests(root),
    json(join(dist, "commands.json")),
    json(join(dist, "bundled.json")),
    json(join(dist, "product.json")),
    import(pathToFileURL(join(root, "extensions/surfaces/cli/help.ts")).href),
  ]);
  const { contracts, types } = sortOut(modules);
  const { Manifest, Config, Lockfile } = modules["index.ts"];
  return {
    root,
    version,
    commands,
    product,
    usageLine: help.usageLine,
    extensions: [...bundled.records.map((one) => one.manifest), ...(await packages)].sort((a, b) => (a.id < b.id ? -1 : 1)),
    contracts,
    types,
    schemas: { manifest: plain(Manifest), config: plain(Config), lockfile: plain(Lockfile) },
  };
}

/** What exports what others define. */
const DOORS = new Set(["index.ts", "every.ts"]);

/** The TypeBox sources themselves: the generated contracts.js leaves the payloads out. */
async function importManifests(root) {
  const files = [
    "index.ts",
    ...(await readdir(join(root, "manifests/contracts"), { recursive: true }))
      .filter((name) => name.endsWith(".ts") && !DOORS.has(name) && !name.endsWith(".test.ts"))
      .sort()
      .map((name) => `contracts/${name}`),
  ];
  const contents = files.map((file, at) => `export * as m${at} from "./${file}";`).join("\n");
  const result = await build({
    stdin: { contents, resolveDir: join(root, "manifests"), loader: "ts" },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
    logLevel: "error",
  });
  const source = Buffer.from(result.outputFiles[0].text).toString("base64");
  const modules = await import(`data:text/javascript;base64,${source}`);
  return Object.fromEntries(files.map((file, at) => [file, modules[`m${at}`]]));
}

/** Contracts with the file they stand in, and the schemas that have a name of their own. */
function sortOut(modules) {
  const contracts = [];
  const types = new Map();
  for (const [file, exports] of Object.entries(modules)) {
    if (!file.startsWith("contracts/")) continue;
    for (const [name, value] of Object.entries(exports)) {
      if (value?.methods) contracts.push({ ...plain(value), file: `manifests/${file}` });
      else if (/^[A-Z]/.test(name) && (value?.type || value?.anyOf))
        types.set(canonical(plain(value)), { name, schema: plain(value), file: `manifests/${file}` });
    }
  }
  contracts.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { contracts, types: new NamedTypes(types) };
}

/** Finds a schema's name by what it says. */
class NamedTypes {
  #byText;

  constructor(byText) {
    this.#byText = byText;
  }

  get all() {
    return [...this.#byText.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A function from a schema to its name, leaving one name out: a type is not explained by itself. */
  namer(except, seen = new Set()) {
    return (schema) => {
      const name = this.#byText.get(canonical(schema))?.name;
      if (name === undefined || name === except) return undefined;
      seen.add(name);
      return name;
    };
  }
}
