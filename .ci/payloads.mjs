// Compiles what checks the payloads of methods and hooks: a module for each contract, and one for the shapes that several hold.
import { createRequire } from "node:module";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { bare, OPTIONS, pack, plain } from "./schemas.mjs";

/** What all the others require. */
const SHAPES = "shapes";

/**
 * In a thread, where nothing that is bundled waits for it; its text is made small with all the rest, by one process.
 *
 * @param out the folder that the modules are written to.
 * @param shapes the schemas that are compiled once each, by name.
 * @param served each contract with the key that it is found by.
 */
export async function compilePayloads(out, shapes, served) {
  const contracts = served.map(([key, { methods, hooks = {} }]) => ({
    key,
    schemas: Object.fromEntries([
      ...Object.entries(methods).flatMap(([name, { input, output, stream }]) => [
        [`${name}:in`, plain(input)],
        [`${name}:out`, plain(output ?? stream)],
      ]),
      ...Object.entries(hooks).map(([name, { payload }]) => [`hook#${name}`, plain(payload)]),
    ]),
  }));
  const resourceLimits = { maxYoungGenerationSizeMb: 64 };
  const worker = new Worker(new URL(import.meta.url), { workerData: { contracts, shapes: plain(shapes) }, resourceLimits });
  const modules = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the compiler of payloads ended with ${code}`)));
  });
  await pack(out, modules, { format: "cjs", outExtension: { ".js": ".cjs" }, external: [`./${SHAPES}.cjs`] });
}

async function generate({ contracts, shapes }) {
  const { default: Ajv } = await import("ajv/dist/2020.js");
  const ajv = new Ajv({ ...OPTIONS, inlineRefs: false, code: { ...OPTIONS.code, esm: false } });
  const known = new Map();
  const refer = (schema) => {
    if (Array.isArray(schema)) return schema.map(refer);
    if (typeof schema !== "object" || schema === null) return schema;
    const id = known.get(JSON.stringify(schema));
    return id === undefined ? Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)])) : { $ref: id };
  };
  const named = Object.entries(shapes).map(([name, schema]) => [name, bare(schema)]);
  // The smaller ones first: the larger ones refer to them.
  named.sort(([, a], [, b]) => JSON.stringify(a).length - JSON.stringify(b).length);
  for (const [name, schema] of named) {
    ajv.addSchema(refer(schema), name);
    known.set(JSON.stringify(schema), name);
  }
  const compiled = named.map(([name]) => ajv.getSchema(name));
  const shared = new Set(compiled);
  const modules = [[SHAPES, moduleOf(ajv, Object.fromEntries(compiled.map((one) => [one.source.validateName, one])), new Set())]];
  const ids = new Map();
  for (const { key, schemas } of contracts) {
    const entries = Object.entries(schemas).map(([name, schema]) => {
      const wanted = refer(bare(schema));
      const text = JSON.stringify(wanted);
      if (!ids.has(text)) {
        ids.set(text, `p_${ids.size}`);
        ajv.addSchema(wanted, ids.get(text));
      }
      return [name, ajv.getSchema(ids.get(text))];
    });
    modules.push([key, moduleOf(ajv, Object.fromEntries(entries), shared)]);
  }
  return modules;
}

/**
 * The text of a module that exports compiled validators, as ajv's own "standalone" makes it of all of them at once: each brings
 * what it refers to, and what is shared is required instead.
 * See https://ajv.js.org/standalone.html and ajv's lib/standalone/index.ts.
 *
 * @param exported the validators by the name that they are exported by.
 * @param shared those that the module of the shapes exports.
 */
function moduleOf(ajv, exported, shared) {
  const { _, _Code, nil } = createRequire(import.meta.url)("ajv/dist/compile/codegen/code.js");
  const used = {};
  const names = new Set();
  const codeOf = (validate) => {
    const { validateName, validateCode, scopeValues, evaluated } = validate.source;
    if (names.has(validateName.str)) return nil;
    names.add(validateName.str);
    if (shared.has(validate)) return _`const ${validateName} = shapes.${validateName};`;
    const before = ajv.scope.scopeCode(scopeValues, used, referred);
    return new _Code(`${before}${validateCode}${evaluated ? `${validateName}.evaluated = ${evaluated};` : ""}`);
  };
  const referred = (name) => {
    const ref = name.value?.ref;
    if (name.prefix === "validate" && typeof ref === "function") return codeOf(ref);
    // A schema that refers to itself goes by what holds its validator.
    if ((name.prefix === "root" || name.prefix === "wrapper") && typeof ref === "object")
      return new _Code(`const ${name} = {validate: ${ref.validateName}};${codeOf(ref.validate)}`);
    return undefined;
  };
  const code = Object.values(exported).map((validate) => `${codeOf(validate)}`);
  const entries = Object.entries(exported).map(([name, { source }]) => `${JSON.stringify(name)}: ${source.validateName}`);
  const shapes = shared.size > 0 && code.some((text) => text.includes("shapes.")) ? `const shapes = require("./${SHAPES}.cjs");` : "";
  return `"use strict";${shapes}${code.join("")}module.exports = {__proto__: null, ${entries.join(", ")}};`;
}

if (!isMainThread) parentPort.postMessage(await generate(workerData));
