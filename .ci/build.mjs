// Builds the product into dist/: kernel, guest program, SDK, first-party extensions, command table, sample registry.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { LAZY_FORM, LAZY_NAMES, lazyFile } from "../sdk/guest/isolate/lazy-globals.ts";
import { withoutLong } from "./bundled-record.mjs";
import { COMMON_JS, esm, hosted, VALIDATORS, validatorsIn } from "./bundles.mjs";
import { build, bundle, isFile, part, parts, sourcesIn, tool, used } from "./cache.mjs";
import { GATEWAY, GENERATED, generate, generateMethods, generatePayloads, PAYLOADS } from "./generate.mjs";
import { assembleOwn, packOwn } from "./own-packages.mjs";
import { emitTypes, filesOfPackage } from "./types.mjs";

const root = join(import.meta.dirname, "..");
// Built beside, then swapped: whoever runs from dist/ meanwhile sees the old or the new one.
const target = join(root, "dist");
const dist = join(root, `dist.${process.pid}.tmp`);
const json = async (path) => JSON.parse(await readFile(path, "utf8"));

export async function buildAll({ quiet = false } = {}) {
  const began = performance.now();
  await mkdir(dist, { recursive: true });
  try {
    await buildInto();
    await rm(target, { recursive: true, force: true });
    await rename(dist, target);
  } finally {
    await rm(dist, { recursive: true, force: true, maxRetries: 5 });
  }
  if (!quiet) console.error(`built in ${Math.round(performance.now() - began)} ms`);
}

async function buildInto() {
  const { version } = await json(join(root, "package.json"));
  const [data, shared, samples] = await Promise.all([
    sourcesIn("manifests"),
    sourcesIn("manifests", "sdk"),
    sourcesIn("test/fixtures/demo", "sdk/extension", "sdk/kits", "manifests"),
  ]);
  // What takes long and waits for nothing is begun first: a compiler of its own, and then a thread.
  const types = part("types", join(dist, ".types"), shared, emitSdkTypes);
  const generated = part("generated", GENERATED, data, generate);
  const payloads = generated.then(() => part("payloads", PAYLOADS, data, generatePayloads));
  await Promise.all([generated, part("methods", GATEWAY, await manifestsOfExtensions(), generateMethods)]);
  for (const name of VALIDATORS) await cp(join(GENERATED, name), join(dist, "generated", name));
  const product = await json(join(root, "extensions/product.json"));
  const all = await findExtensions();
  const extensions = all.filter(({ manifest }) => product.default.includes(manifest.id));
  const others = all.filter(({ manifest }) => !product.default.includes(manifest.id));
  const unknown = product.default.find((id) => !all.some(({ manifest }) => manifest.id === id));
  if (unknown !== undefined) throw new Error(`extensions/product.json has ${unknown} on by default, which is not there`);
  // First, and by itself: what packs is waited for, and packing goes beside bundling.
  await toolOf("registry/packing.ts").files;
  const [packages] = await Promise.all([
    buildPackages(others),
    part("sdk", join(dist, "sdk"), shared, buildSdk),
    part("kernel", join(dist, "kernel"), [], buildKernel),
    part("strangers", join(dist, "strangers"), [], buildStrangers),
    part("guest", join(dist, "guest"), [], buildGuest),
    part("registry", join(dist, "registry"), samples, buildSamples),
    buildExtensions(extensions),
    buildLauncher(),
    toolOf("manifests/check/manifest.ts").files,
    types,
    payloads,
  ]);
  // Parts of their own until here: each is kept by itself.
  await rename(join(dist, ".types"), join(dist, "sdk/types"));
  await cp(PAYLOADS, join(dist, "kernel/generated"), { recursive: true });
  await writeData({ version, ...product, packages }, extensions);
  for (const name of [".tools", ".packages"]) await rm(join(dist, name), { recursive: true, force: true });
}

/** What is not on by default, as a registry on disk; the digest of each package by id. */
async function buildPackages(extensions) {
  const packing = toolOf("registry/packing.ts");
  const packed = await packOwn(extensions, join(dist, ".packages"), packing);
  await assembleOwn(packed, join(dist, "built-in"), packing);
  return Object.fromEntries(packed.map(({ id, digest }) => [id, digest]));
}

async function buildKernel() {
  await build({
    ...hosted,
    splitting: true,
    plugins: [...hosted.plugins, validatorsIn("../generated")],
    outdir: join(dist, "kernel"),
    external: ["esbuild"],
    entryPoints: { main: join(root, "kernel/index.ts") },
  });
}

/** The thread that looks at strangers' data. */
async function buildStrangers() {
  await build({
    ...esm,
    splitting: true,
    plugins: [validatorsIn("../generated")],
    outdir: join(dist, "strangers"),
    banner: { js: COMMON_JS },
    external: ["esbuild"],
    entryPoints: { program: join(root, "registry/strangers/program.ts") },
  });
}

/** The programs behind the walls: a process of its own, the process that holds isolates, and what each isolate begins with. */
async function buildGuest() {
  const guest = join(root, "sdk/guest");
  const program = { ...esm, outExtension: undefined };
  await Promise.all([
    build({ ...program, entryPoints: [join(guest, "process.ts")], outfile: join(dist, "guest/process.mjs") }),
    build({ ...program, entryPoints: [join(guest, "confine.ts")], outfile: join(dist, "guest/confine.mjs") }),
    build({ ...program, entryPoints: [join(guest, "door.ts")], outfile: join(dist, "guest/door.mjs") }),
    build({ ...program, entryPoints: [join(guest, "probe.ts")], outfile: join(dist, "guest/probe.mjs") }),
    build({ ...program, entryPoints: [join(guest, "isolate/child.ts")], outfile: join(dist, "guest/isolate/child.mjs") }),
    build({
      ...program,
      format: "iife",
      platform: "neutral",
      entryPoints: [join(guest, "isolate/prelude.ts")],
      outfile: join(dist, "guest/isolate/prelude.js"),
    }),
    ...LAZY_NAMES.map((name) => {
      const outfile = join(dist, "guest/isolate", lazyFile(name));
      return build({ ...program, ...LAZY_FORM, entryPoints: [join(guest, `isolate/lazy-${name}.ts`)], outfile });
    }),
  ]);
}

/** What of the SDK is for extensions of the product alone: it needs the programs that lie beside them. */
const FIRST_PARTY = ["./home", "./tiers", "./wire"];

const emitSdkTypes = async () => emitTypes(join(dist, ".types"), dist, await filesOfPackage("sdk", FIRST_PARTY));

/** What authors import, as a package of its own. Its entry uses no Node module: it is bundled into what runs in an isolate. */
async function buildSdk() {
  const out = join(dist, "sdk");
  // Authors' tests run under the Node that they have.
  const options = { ...esm, target: "node22", outdir: out, outbase: join(root, "sdk"), outExtension: undefined };
  const { exports: sources, devDependencies: _, private: __, ...rest } = await json(join(root, "sdk/package.json"));
  const entries = Object.entries(sources).filter(([name]) => !FIRST_PARTY.includes(name));
  const [tests, code] = [entries.filter(([name]) => name === "./testing"), entries.filter(([name]) => name !== "./testing")];
  const files = (some) => some.map(([, path]) => join(root, "sdk", path));
  await Promise.all([
    build({ ...options, splitting: true, entryPoints: files(code) }),
    build({ ...options, entryPoints: files(tests), banner: { js: COMMON_JS }, plugins: [validatorsIn("../generated")] }),
    cp(join(GENERATED, "manifest.js"), join(out, "generated/manifest.js")),
  ]);
  const exports = entries.map(([name, path]) => [
    name,
    { types: path.replace("./", "./types/sdk/").replace(/\.ts$/, ".d.ts"), default: path.replace(/\.ts$/, ".js") },
  ]);
  // What an editor holds plinth.json to, where every project has it.
  await cp(join(root, "manifests/generated/manifest.schema.json"), join(out, "extension.schema.json"));
  await writeFile(join(out, "package.json"), JSON.stringify({ ...rest, sideEffects: false, exports: Object.fromEntries(exports) }, null, 2));
}

const manifestsOfExtensions = async () => (await sourcesIn("extensions")).filter((path) => /^[^/\\]+([/\\][^/\\]+){2}[/\\]plinth\.json$/.test(path));

async function findExtensions() {
  const found = [];
  for (const group of (await readdir(join(root, "extensions"), { withFileTypes: true })).filter((one) => one.isDirectory())) {
    for (const { name } of await readdir(join(root, "extensions", group.name), { withFileTypes: true })) {
      const dir = join(root, "extensions", group.name, name);
      if (existsSync(join(dir, "plinth.json"))) found.push({ dir, manifest: await json(join(dir, "plinth.json")) });
    }
  }
  return found.sort((a, b) => (a.manifest.id < b.manifest.id ? -1 : 1));
}

/** What is copied with an extension; its code is found while it is bundled. */
async function filesOf({ dir }) {
  const here = relative(root, dir);
  const folders = ["assets", "page"].filter((name) => existsSync(join(dir, name)));
  return [join(here, "plinth.json"), ...(await sourcesIn(...folders.map((name) => join(here, name))))];
}

const bundled = { ...hosted, outExtension: undefined, external: ["esbuild"] };
const entryOf = ({ entry }) => entry.replace(/^\.\//, "").replace(/\.js$/, "");
/** What may run in a process of its own is handed over as one file. */
const isOneFile = ({ tiers = [] }) => tiers.includes("process");

/** What is one file each is bundled in one go: what they share is read once. What loads code late has chunks, and is built by itself. */
async function buildExtensions(extensions) {
  // Data is copied, which is all that keeping it would save.
  const [code, data] = [extensions.filter(({ manifest }) => manifest.entry), extensions.filter(({ manifest }) => !manifest.entry)];
  const list = await Promise.all(
    code.map(async (one) => ({ ...one, name: one.manifest.id, out: join(dist, "extensions", one.manifest.id), files: await filesOf(one) })),
  );
  const late = await Promise.all(list.map(loadsLate));
  await Promise.all([
    ...data.map(copyBeside),
    ...list.filter((_, at) => late[at]).map((one) => part(one.name, one.out, one.files, () => buildExtension(one))),
    parts(
      list.filter((_, at) => !late[at]),
      buildTogether,
    ),
  ]);
}

async function loadsLate({ dir, manifest }) {
  if (existsSync(join(dir, "page"))) return true;
  if (isOneFile(manifest)) return false;
  const sources = (await sourcesIn(relative(root, dir))).filter((path) => path.endsWith(".ts") && !path.includes(".test"));
  const texts = await Promise.all(sources.map((path) => readFile(join(root, path), "utf8")));
  // That kit loads what mends a file when one is damaged.
  return texts.some((text) => /\bimport\(|kits\/sqlite"/.test(text));
}

async function buildTogether(stale) {
  const entryPoints = Object.fromEntries(stale.map(({ name, dir, manifest }) => [`${name}/${entryOf(manifest)}`, join(dir, "index.ts")]));
  const { metafile } = await bundle({ ...bundled, entryPoints, outdir: join(dist, "extensions") });
  await Promise.all(stale.map(copyBeside));
  const outputs = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  return stale.map(({ dir }) => {
    const reached = new Set([outputs.find(({ entryPoint }) => join(root, entryPoint) === join(dir, "index.ts")).entryPoint]);
    for (const path of reached)
      for (const { path: to } of metafile.inputs[path]?.imports ?? []) if (metafile.inputs[to] && isFile(to)) reached.add(to);
    return [...reached];
  });
}

async function buildExtension({ dir, manifest }) {
  const out = join(dist, "extensions", manifest.id);
  const plugins = isOneFile(manifest) ? bundled.plugins : [...bundled.plugins, validatorsIn("../../generated")];
  await build({
    ...bundled,
    plugins,
    splitting: !isOneFile(manifest),
    entryPoints: { [entryOf(manifest)]: join(dir, "index.ts") },
    outdir: out,
    chunkNames: "chunk-[hash]",
  });
  await copyBeside({ dir, manifest });
  if (existsSync(join(dir, "page/main.ts"))) await buildPage(join(dir, "page"), join(out, "assets"));
}

/** What lies beside its code. */
async function copyBeside({ dir, manifest }) {
  const out = join(dist, "extensions", manifest.id);
  await mkdir(out, { recursive: true });
  await cp(join(dir, "plinth.json"), join(out, "plinth.json"));
  if (existsSync(join(dir, "assets"))) await cp(join(dir, "assets"), join(out, "assets"), { recursive: true });
}

/** What a browser loads. */
async function buildPage(page, out) {
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: [join(page, "main.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    outfile: join(out, "main.js"),
    logLevel: "warning",
    conditions: ["development"],
  });
  await build({ entryPoints: [join(page, "style.css")], bundle: true, minify: true, outfile: join(out, "style.css"), logLevel: "warning" });
  for (const name of ["index.html", "icon.svg"]) if (existsSync(join(page, name))) await cp(join(page, name), join(out, name));
}

/** Data that answers without code: manifests with digests, the product's choices, the command table of the launcher. */
async function writeData(product, extensions) {
  const { parseManifest } = await toolOf("manifests/check/manifest.ts").load();
  const records = [];
  for (const { manifest } of extensions) {
    const text = await readFile(join(dist, "extensions", manifest.id, "plinth.json"), "utf8");
    const digest = createHash("sha512").update(text);
    for (const name of (await readdir(join(dist, "extensions", manifest.id))).sort()) {
      if (name.endsWith(".js")) digest.update(name).update(await readFile(join(dist, "extensions", manifest.id, name)));
    }
    records.push({ ...withoutLong(parseManifest(text, manifest.id)), digest: digest.digest("hex") });
  }
  await writeFile(join(dist, "bundled.json"), JSON.stringify({ index: 1, records }));
  await writeFile(join(dist, "product.json"), JSON.stringify(product));
  const commands = records.flatMap(({ manifest }) =>
    (manifest.provides ?? [])
      .filter((one) => one.contract === "plinth.cli-command")
      .map((one) => ({ id: one.id, extension: manifest.id, ...one.descriptor })),
  );
  const ids = records.map(({ manifest }) => manifest.id);
  await writeFile(join(dist, "commands.json"), JSON.stringify({ version: product.version, commands, ids }));
  if (existsSync(join(root, "templates"))) await cp(join(root, "templates"), join(dist, "templates"), { recursive: true });
}

/** What the launcher loads when it needs it: CommonJS, a file for each need. */
async function buildLauncher() {
  const cli = join(root, "extensions/surfaces/cli");
  const home = join(root, "manifests/home");
  await Promise.all([
    buildForLauncher("launcher", cli, ["./help.ts", "./argv.ts", "./completion.ts"]),
    buildForLauncher("questions", cli, ["./questions.ts"]),
    buildForLauncher("home", home, ["./home-folder.ts", "./code-cache.ts"]),
    buildForLauncher("home-doctor", home, ["./examination.ts", "./mending.ts"]),
    buildForLauncher("gateway-link", join(root, "sdk/extension/home"), ["./gateway-link.ts"]),
  ]);
}

async function buildForLauncher(name, resolveDir, modules) {
  const contents = modules.map((path) => `export * from ${JSON.stringify(path)};`).join(" ");
  await build({ ...esm, format: "cjs", outfile: join(dist, `${name}.cjs`), outExtension: undefined, stdin: { contents, resolveDir, loader: "ts" } });
}

/** The sample registry: the demo extensions, packed and signed with a key that exists for this purpose only. */
async function buildSamples() {
  const demos = join(root, "test/fixtures/demo");
  if (!existsSync(demos)) return;
  const registry = await toolOf("registry/packing.ts").load();
  const key = registry.keyFromSeed("demo", createHash("sha256").update("plinth sample registry").digest());
  const dirs = (await readdir(demos))
    .filter((name) => existsSync(join(demos, name, "plinth.json")))
    .sort()
    .map((name) => join(demos, name));
  await registry.buildRegistry(dirs, join(dist, "registry"), key, {
    sdkDir: join(root, "sdk"),
    name: "sample",
    publishedAt: "2026-11-01T00:00:00.000Z",
  });
}

const tools = new Map();

/** A module of the sources, bundled once in a build and kept for the next; `files` is what all that is made with it depends on. */
function toolOf(path) {
  if (!tools.has(path)) {
    const name = `tool-${path.replaceAll("/", "-")}`;
    const out = join(dist, ".tools", name);
    const options = {
      ...esm,
      sourcemap: false,
      plugins: [validatorsIn("../../generated")],
      entryPoints: { tool: join(root, path) },
      outdir: out,
      banner: { js: COMMON_JS },
      external: ["esbuild"],
    };
    const validators = VALIDATORS.map((one) => relative(root, join(GENERATED, one)));
    const files = tool(name, out, () => build(options)).then((file) => [file, ...validators]);
    const load = async () => {
      used(...(await files).map((one) => join(root, one)));
      return import(pathToFileURL(join(out, "tool.mjs")).href);
    };
    tools.set(path, { files, load });
  }
  return tools.get(path);
}

if (process.argv[1] === import.meta.filename) await buildAll();
