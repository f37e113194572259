// Derives from manifests/ what the other packages read at run time: contracts as data, JSON Schemas, compiled validators.
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { compilePayloads } from "./payloads.mjs";
import { bare, OPTIONS, pack, plain } from "./schemas.mjs";

const root = join(import.meta.dirname, "..");
/** What the readers of manifests/ read. */
export const GENERATED = join(root, "manifests/generated");
/** What the gateway holds the product's own methods to. */
export const GATEWAY = join(root, "extensions/surfaces/gateway/generated");

/** What the kernel holds payloads to; beside what reads it, as it is in the built product. */
export const PAYLOADS = join(root, "manifests/check/generated");

let loaded;
/** What manifests/index.ts exports. */
function loadManifests() {
  loaded ??= bundleManifests();
  return loaded;
}

async function bundleManifests() {
  await mkdir(GENERATED, { recursive: true });
  const bundle = join(GENERATED, `.manifests-${process.pid}.mjs`);
  await build({
    entryPoints: [join(root, "manifests/index.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node26",
    outfile: bundle,
    logLevel: "error",
  });
  const manifests = await import(pathToFileURL(bundle).href);
  await rm(bundle);
  return manifests;
}

/** Each contract that the product serves with the key that it is found by: the newest major goes by its id alone. */
const servedBy = ({ contracts, pastContracts }) => [
  ...Object.values(contracts).map((contract) => [contract.id, contract]),
  ...pastContracts.map((contract) => [`${contract.id}@${contract.version.split(".")[0]}`, contract]),
];

export async function generate() {
  const manifests = await loadManifests();
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const contracts = servedBy(manifests).map(([key, contract]) => ({
    id: contract.id,
    key,
    version: contract.version,
    title: contract.title,
    summary: contract.summary,
    cardinality: contract.cardinality,
    selection: contract.selection,
    choice: contract.choice === true,
    errors: Object.keys(contract.errors ?? {}),
    descriptor: plain(contract.descriptor),
    methods: Object.fromEntries(
      Object.entries(contract.methods).map(([name, method]) => [
        name,
        {
          summary: method.summary,
          deadlineMs: method.deadlineMs,
          stream: method.stream !== undefined,
          optional: method.optional === true,
          guarded: method.guarded === true,
        },
      ]),
    ),
    hooks: Object.fromEntries(
      Object.entries(contract.hooks ?? {}).map(([name, hook]) => [
        name,
        {
          summary: hook.summary,
          mode: hook.mode,
          deadlineMs: hook.deadlineMs,
          failure: hook.failure,
        },
      ]),
    ),
  }));
  // Every start reads these, without words for people; what a descriptor has to be is compiled below, and read when a manifest is checked.
  const wordless = (map) => Object.fromEntries(Object.entries(map).map(([name, { summary: _, ...one }]) => [name, one]));
  const atStart = contracts.map(({ descriptor: _, title: __, summary: ___, methods, hooks, ...one }) => ({
    ...one,
    methods: wordless(methods),
    hooks: wordless(hooks),
  }));
  await write("contracts.js", `export default ${JSON.stringify(atStart)};\n`);

  const schemas = {
    manifest: plain(manifests.Manifest),
    lockfile: plain(manifests.Lockfile),
    config: plain(manifests.Config),
    packageIndex: plain(manifests.PackageIndex),
    registryRoot: plain(manifests.RegistryRoot),
    searchIndex: plain(manifests.SearchIndex),
    trustRoot: plain(manifests.TrustRoot),
    trustTimestamp: plain(manifests.TrustTimestamp),
    trustSnapshot: plain(manifests.TrustSnapshot),
    publisherKeys: plain(manifests.PublisherKeys),
    advisoryFeed: plain(manifests.AdvisoryFeed),
  };
  for (const [name, schema] of Object.entries(schemas)) {
    await write(`${name}.schema.json`, `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...schema }, null, 2)}\n`);
  }

  await compileSet("config", { config: schemas.config, lockfile: schemas.lockfile });
  const { packageIndex, registryRoot, searchIndex, trustRoot, trustTimestamp, trustSnapshot, publisherKeys, advisoryFeed } = schemas;
  const trust = { trustRoot, trustTimestamp, trustSnapshot, publisherKeys, advisoryFeed };
  await compileSet("registry", { packageIndex, registryRoot, searchIndex, ...trust });
  await compileSet("manifest", { manifest: schemas.manifest }, (ajv, names) => {
    const entries = contracts.map((contract, index) => {
      const name = `descriptor_${index}`;
      ajv.addSchema({ ...contract.descriptor, additionalProperties: false }, (names[name] = name));
      return `${JSON.stringify(contract.key)}: ${name}`;
    });
    return `export const descriptors = {__proto__: null, ${entries.join(", ")}};`;
  });

  async function compileSet(file, set, more = () => "") {
    const ajv = telling(new Ajv(OPTIONS));
    const names = {};
    for (const [name, schema] of Object.entries(set)) ajv.addSchema(schema, (names[name] = name));
    const tail = more(ajv, names);
    await compile(GENERATED, file, ajv, names, tail);
    const types = Object.keys(set).map((name) => `export const ${name}: ${fn};`);
    if (tail !== "") types.push(`export const descriptors: Record<string, ${fn}>;`);
    await write(`${file}.d.ts`, `${types.join("\n")}\n`);
  }

  await write("contracts.d.ts", "declare const contracts: unknown[];\nexport default contracts;\n");
}

/** What checks the payloads of methods and hooks, for calls that cross a tier: KEY.cjs for each contract. */
export async function generatePayloads() {
  const manifests = await loadManifests();
  await compilePayloads(PAYLOADS, manifests.shapes, servedBy(manifests));
}

/**
 * What the product's gateway methods declare, each by its schema as text: no other schema is checked by it. The library that
 * reads any schema is larger than all that a first turn loads besides. A module for each method: who chats loads nothing of the rest.
 */
export async function generateMethods() {
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const loaders = [];
  await rm(GATEWAY, { recursive: true, force: true });
  for await (const path of glob("extensions/*/*/plinth.json", { cwd: root })) {
    const { provides = [] } = JSON.parse(await readFile(join(root, path), "utf8"));
    for (const { contract, id, descriptor } of provides) {
      if (contract !== "plinth.gateway-method") continue;
      const ajv = new Ajv(OPTIONS);
      const names = {};
      const refs = new Map();
      for (const schema of [descriptor.params, descriptor.result, descriptor.events]) {
        const text = JSON.stringify(schema);
        if (text === undefined || refs.has(text)) continue;
        const name = `m_${refs.size}`;
        ajv.addSchema(bare(schema), (names[name] = name));
        refs.set(text, name);
      }
      if (refs.size === 0) continue;
      const entries = [...refs].map(([text, name]) => `${JSON.stringify(text)}: ${name}`);
      await compile(GATEWAY, id, ajv, names, `export const schemas = {__proto__: null, ${entries.join(", ")}};`);
      loaders.push(`${JSON.stringify(id)}: () => import(${JSON.stringify(`./${id}.js`)})`);
    }
  }
  await writeFile(join(GATEWAY, "methods.js"), `export const methods = {__proto__: null, ${loaders.sort().join(", ")}};\n`);
  const problem = "{ instancePath: string; message?: string }";
  const type = `{ (value: unknown): boolean; errors?: ${problem}[] | null }`;
  await writeFile(join(GATEWAY, "methods.d.ts"), `export const methods: Record<string, () => Promise<{ schemas: Record<string, ${type}> }>>;\n`);
}

/**
 * What words for people need of the schema goes into the errors themselves, since the schemas would make each bundle half again
 * as large: the keys that there are, for whoever mistyped one, and what should be there instead of what a pattern refuses.
 */
function telling(ajv) {
  const { _, stringify } = createRequire(import.meta.url)("ajv/dist/compile/codegen/code.js");
  const more = {
    additionalProperties: ({ params: { additionalProperty }, parentSchema: { properties = {} } }) =>
      _`{additionalProperty: ${additionalProperty}, known: ${stringify(Object.keys(properties))}}`,
    pattern: ({ schemaCode, parentSchema: { description } }) => _`{pattern: ${schemaCode}, description: ${stringify(description ?? null)}}`,
  };
  for (const [keyword, params] of Object.entries(more)) {
    const usual = ajv.getKeyword(keyword);
    ajv.removeKeyword(keyword);
    // What is unknown is told before what is wrong, as ajv does.
    ajv.addKeyword({ ...usual, error: { ...usual.error, params }, ...(keyword === "pattern" ? {} : { before: "properties" }) });
  }
  return ajv;
}

async function compile(folder, name, ajv, exported, tail) {
  const { default: standalone } = await import("ajv/dist/standalone/index.js");
  await pack(folder, [[name, `${standalone(ajv, exported)}\n${tail}\n`]], { format: "esm" });
}

const fn = "{ (value: unknown): boolean; errors?: unknown[] | null }";
const write = (name, text) => writeFile(join(GENERATED, name), text);

if (process.argv[1] === import.meta.filename) {
  await generate();
  await Promise.all([generatePayloads(), generateMethods()]);
}
