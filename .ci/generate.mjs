// Derives from manifests/ what the other packages read at run time: contracts as data, JSON Schemas, compiled validators.
import { glob, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const out = join(root, "manifests/generated");
/** What the gateway holds the product's own methods to. */
export const GATEWAY = join(root, "extensions/surfaces/gateway/generated");

export async function generate() {
  await mkdir(out, { recursive: true });
  const bundle = join(out, `.manifests-${process.pid}.mjs`);
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
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const plain = (schema) => JSON.parse(JSON.stringify(schema));

  const served = [...Object.values(manifests.contracts), ...manifests.pastContracts];
  // The newest major goes by its id alone.
  const keyOf = (contract) => (manifests.contracts[contract.id] === contract ? contract.id : `${contract.id}@${contract.version.split(".")[0]}`);
  const contracts = served.map((contract) => ({
    id: contract.id,
    key: keyOf(contract),
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

  const options = { ...OPTIONS, verbose: true };
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
    const ajv = new Ajv(options);
    const names = {};
    for (const [name, schema] of Object.entries(set)) ajv.addSchema(schema, (names[name] = name));
    const tail = more(ajv, names);
    await compile(join(out, `${file}.js`), ajv, names, tail);
    const types = Object.keys(set).map((name) => `export const ${name}: ${fn};`);
    if (tail !== "") types.push(`export const descriptors: Record<string, ${fn}>;`);
    await write(`${file}.d.ts`, `${types.join("\n")}\n`);
  }

  // Payloads of methods and hooks, for calls that cross a tier. What has a name of its own is compiled once.
  const payloads = new Ajv({ ...OPTIONS, inlineRefs: false });
  const shared = new Map();
  const refer = (schema) => {
    if (Array.isArray(schema)) return schema.map(refer);
    if (typeof schema !== "object" || schema === null) return schema;
    const id = shared.get(JSON.stringify(schema));
    return id === undefined ? Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)])) : { $ref: id };
  };
  const named = Object.entries(manifests.shapes).map(([name, schema]) => [name, bare(plain(schema))]);
  // The smaller ones first: the larger ones refer to them.
  named.sort(([, a], [, b]) => JSON.stringify(a).length - JSON.stringify(b).length);
  for (const [name, schema] of named) {
    payloads.addSchema(refer(schema), name);
    shared.set(JSON.stringify(schema), name);
  }
  const refs = {};
  const payloadNames = {};
  const names = new Map();
  const add = (key, schema) => {
    const wanted = refer(bare(plain(schema)));
    const text = JSON.stringify(wanted);
    if (!names.has(text)) {
      const name = `p_${names.size}`;
      payloads.addSchema(wanted, (payloadNames[name] = name));
      names.set(text, name);
    }
    refs[key] = names.get(text);
  };
  for (const contract of served) {
    for (const [name, method] of Object.entries(contract.methods)) {
      add(`${keyOf(contract)}#${name}:in`, method.input);
      add(`${keyOf(contract)}#${name}:out`, method.output ?? method.stream);
    }
    for (const [name, hook] of Object.entries(contract.hooks ?? {})) add(`hook#${name}`, hook.payload);
  }
  await compile(
    join(out, "payloads.js"),
    payloads,
    payloadNames,
    `export const payloads = {__proto__: null, ${Object.entries(refs)
      .map(([key, name]) => `${JSON.stringify(key)}: ${name}`)
      .join(", ")}};`,
  );
  await write("contracts.d.ts", "declare const contracts: unknown[];\nexport default contracts;\n");
  await write("payloads.d.ts", `export const payloads: Record<string, ${fn}>;\n`);
  return { contracts, schemas, manifests };
}

/**
 * What the product's gateway methods declare, each by its schema as text: no other schema is checked by it. The library that
 * reads any schema is larger than all that a first turn loads besides.
 */
export async function generateMethods() {
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const ajv = new Ajv(OPTIONS);
  const names = {};
  const refs = new Map();
  for await (const path of glob("extensions/*/*/plinth.json", { cwd: root })) {
    const { provides = [] } = JSON.parse(await readFile(join(root, path), "utf8"));
    for (const { contract, descriptor } of provides) {
      if (contract !== "plinth.gateway-method") continue;
      for (const schema of [descriptor.params, descriptor.result, descriptor.events]) {
        const text = JSON.stringify(schema);
        if (text === undefined || refs.has(text)) continue;
        const name = `m_${refs.size}`;
        ajv.addSchema(bare(schema), (names[name] = name));
        refs.set(text, name);
      }
    }
  }
  const entries = [...refs].sort().map(([text, name]) => `${JSON.stringify(text)}: ${name}`);
  await mkdir(GATEWAY, { recursive: true });
  await compile(join(GATEWAY, "methods.js"), ajv, names, `export const methods = {__proto__: null, ${entries.join(", ")}};`);
  const problem = "{ instancePath: string; message?: string }";
  const type = `{ (value: unknown): boolean; errors?: ${problem}[] | null }`;
  await writeFile(join(GATEWAY, "methods.d.ts"), `export const methods: Record<string, ${type}>;\n`);
}

const OPTIONS = { strict: false, allErrors: false, ownProperties: true, code: { source: true, esm: true, lines: false } };

async function compile(path, ajv, exported, tail) {
  const { default: standalone } = await import("ajv/dist/standalone/index.js");
  const source = `${standalone(ajv, exported)}\n${tail}\n`;
  const result = await build({
    stdin: { contents: source, resolveDir: root, loader: "js" },
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node26",
    minifySyntax: true,
    minifyWhitespace: true,
    write: false,
    logLevel: "error",
  });
  await writeFile(path, result.outputFiles[0].text);
}

/** A schema without its words, which no validator reads: what differs in them only is the same. */
function bare(schema, isMap = false) {
  if (Array.isArray(schema)) return schema.map((one) => bare(one));
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => isMap || !(key === "description" && typeof value === "string"));
  return Object.fromEntries(kept.map(([key, value]) => [key, VALUES.has(key) && !isMap ? value : bare(value, !isMap && MAPS.has(key))]));
}
const MAPS = new Set(["properties", "patternProperties", "$defs"]);
const VALUES = new Set(["const", "enum", "default", "required"]);

const fn = "{ (value: unknown): boolean; errors?: unknown[] | null }";
const write = (name, text) => writeFile(join(out, name), text);

if (process.argv[1] === import.meta.filename) {
  await generate();
  await generateMethods();
}
