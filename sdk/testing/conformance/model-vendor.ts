import assert from "node:assert/strict";
import type { Manifest, ModelVendor } from "../../extension/index.ts";
import { loadContracts } from "../contract-table.ts";
import { schemaProblems } from "../json-schema.ts";
import type { ConformanceCase } from "./case.ts";

export interface ModelVendorSubject {
  manifest: Manifest;
  /** The vendor's id in it. */
  id: string;
}

/** Hosts as `permissions.net` has them: by name, below a name, or this machine. */
function isWithin(host: string, net: readonly string[]): boolean {
  const name = host.replace(/^\[|\]$/g, "");
  if (name === "localhost" || name === "::1" || /^127\./.test(name)) return net.includes("loopback");
  return net.some((entry) => {
    const bare = entry.replace(/^\w+:\/\//, "").replace(/:\d+$/, "");
    return bare === "*" || bare === host || (bare.startsWith("*.") && host.endsWith(bare.slice(1)));
  });
}

/** What it has besides completions, each with the contract that says what for. */
const purposesOf = ({ apis = {} }: ModelVendor) => Object.entries(apis).filter(([, besides]) => besides !== undefined);

const addressesOf = (vendor: ModelVendor): string[] => {
  const besides = [...Object.values(vendor.otherApis ?? {}), ...purposesOf(vendor).map(([, one]) => one)];
  return [vendor.baseUrls, ...besides.map(({ baseUrls = {} }) => baseUrls)].flatMap((urls) => Object.values(urls));
};
const variablesOf = (address: string): string[] => [...address.matchAll(/\{(\w+)\}/g)].map(([, variable]) => variable!);

const one = (name: string, body: (vendor: ModelVendor, manifest: Manifest) => void): ConformanceCase<ModelVendorSubject> => ({
  name,
  async run({ manifest, id }) {
    const found = (manifest.provides ?? []).find((provide) => provide.contract === "plinth.model-vendor" && provide.id === id);
    assert.ok(found, `the manifest provides plinth.model-vendor ${id}`);
    body(found.descriptor as ModelVendor, manifest);
  },
});

/** What `plinth.model-vendor` asks of every vendor: that its data holds together. */
export const modelVendorConformance: readonly ConformanceCase<ModelVendorSubject>[] = [
  {
    name: "fits the contract",
    async run({ manifest, id }) {
      const found = (manifest.provides ?? []).find((provide) => provide.contract === "plinth.model-vendor" && provide.id === id);
      const { descriptor } = (await loadContracts([manifest])).contract("plinth.model-vendor");
      assert.deepEqual(await schemaProblems(descriptor, found?.descriptor), []);
    },
  },
  one("has an address without a slash at its end, and one to begin with", (vendor) => {
    assert.ok(vendor.baseUrls.default !== undefined, "there is a default");
    for (const url of addressesOf(vendor)) assert.ok(!url.endsWith("/"), url);
  }),
  one("declares the hosts of its addresses", (vendor, { permissions = {} }) => {
    for (const url of addressesOf(vendor)) {
      const { hostname } = new URL(url.replaceAll(/\{\w+\}/g, "x"));
      assert.ok(isWithin(hostname, permissions.net ?? []), `permissions.net has ${hostname}`);
    }
  }),
  one("speaks the API of each of its models", ({ api, otherApis = {}, models = [], apis = {} }) => {
    if (api === undefined) return assert.ok(models.length === 0 && Object.keys(apis).length > 0, "without an API it has models for other purposes");
    assert.ok(!Object.hasOwn(otherApis, api), `${api} is its own, and none of the others`);
    for (const model of models) if (model.api !== undefined) assert.ok(Object.hasOwn(otherApis, model.api), `otherApis has ${model.api}`);
  }),
  one("declares the secrets and the environment that it names", (vendor, { permissions = {} }) => {
    const { auth, baseUrlEnv, modelEnv } = vendor;
    for (const { kind, secret } of auth) {
      if (kind !== "key") continue;
      assert.ok(secret !== undefined, "a key has a name");
      assert.ok(permissions.secrets?.includes(secret), `permissions.secrets has ${secret}`);
    }
    const variables = addressesOf(vendor).flatMap(variablesOf);
    for (const name of [baseUrlEnv, modelEnv, ...variables])
      if (name !== undefined) assert.ok(permissions.env?.includes(name), `permissions.env has ${name}`);
  }),
  one("names each model once, by whichever name, and knows its default", ({ models = [], defaultModel }) => {
    const names = models.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
    assert.equal(new Set(names).size, names.length);
    if (defaultModel !== undefined && models.length > 0) assert.ok(names.includes(defaultModel), `${defaultModel} is one of its models`);
    for (const { replacedBy } of models) if (replacedBy !== undefined) assert.ok(names.includes(replacedBy), `${replacedBy} is there`);
  }),
  one("does the same with its models for other purposes, and says when and where it read of them", (vendor) => {
    for (const [purpose, { models = [], defaultModel, catalogue }] of purposesOf(vendor)) {
      const names = models.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
      assert.equal(new Set(names).size, names.length, purpose);
      if (defaultModel !== undefined && models.length > 0) assert.ok(names.includes(defaultModel), `${defaultModel} is one of its models`);
      assert.equal(catalogue !== undefined, models.length > 0, `${purpose}: a catalogue's day and place belong to models`);
    }
  }),
];
