import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv } from "ajv";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readArchive } from "./archive.ts";
import { packExtension } from "./pack-extension.ts";
import { testManifest } from "./test-package.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "plinth-sbom-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(home, name)), { recursive: true });
    await writeFile(join(home, name), text);
  }
}

const library = (name: string, version: string, code: string, more: object = {}) => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({ name, version, ...more }),
  [`node_modules/${name}/index.js`]: code,
});

async function sbomOf(folder = "ext"): Promise<any> {
  return JSON.parse((await readArchive((await packExtension(join(home, folder))).tarball)).get("sbom.cdx.json")!.toString());
}

/** What CycloneDX 1.6 asks of the parts that we write: names, types, patterns and no other keys. */
const closed = { type: "object", additionalProperties: false };
const text = { type: "string", minLength: 1 };
const licenses = {
  type: "array",
  items: {
    oneOf: [
      { ...closed, required: ["expression"], properties: { expression: text } },
      { ...closed, required: ["license"], properties: { license: { ...closed, required: ["name"], properties: { name: text } } } },
    ],
  },
};
const component = {
  ...closed,
  required: ["type", "name"],
  properties: {
    type: { enum: ["application", "framework", "library"] },
    "bom-ref": text,
    group: text,
    name: text,
    version: text,
    licenses,
    purl: { type: "string", pattern: "^pkg:npm/" },
  },
};
const schema = {
  ...closed,
  required: ["bomFormat", "specVersion"],
  properties: {
    $schema: { const: "http://cyclonedx.org/schema/bom-1.6.schema.json" },
    bomFormat: { const: "CycloneDX" },
    specVersion: { const: "1.6" },
    serialNumber: { pattern: "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$" },
    version: { type: "integer", minimum: 1 },
    metadata: {
      ...closed,
      properties: { tools: { ...closed, properties: { components: { type: "array", items: component } } }, component },
    },
    components: { type: "array", uniqueItems: true, items: component },
    dependencies: {
      type: "array",
      uniqueItems: true,
      items: { ...closed, required: ["ref"], properties: { ref: text, dependsOn: { type: "array", uniqueItems: true, items: text } } },
    },
  },
};

describe("the bill of materials", () => {
  beforeEach(() =>
    write({
      "ext/plinth.json": JSON.stringify(testManifest("demo.weather", "1.0.0", { license: "MIT" })),
      "ext/src/index.ts":
        'import { a } from "left"; import { used } from "@scope/right"; import "./own.ts"; export default { activate: () => a + used };',
      "ext/src/own.ts": "console.log(1);",
      ...library("left", "1.2.3", 'import { inner } from "inner"; export const a = inner;', { license: "MIT OR Apache-2.0" }),
      ...library("@scope/right", "2.0.0-beta.1+5", "export const used = 1; export const unused = 2;", { license: "SEE LICENSE IN <file>" }),
      ...library("inner", "0.1.0", "export const inner = globalThis.x;"),
      ...library("unused", "9.9.9", "export const nothing = 1;"),
      "node_modules/left/esm/package.json": '{"type":"module"}',
    }),
  );

  it("names the packages that were bundled, their versions and who uses whom", async () => {
    const sbom = await sbomOf();
    expect(new Ajv({ strict: false }).validate(schema, sbom)).toBe(true);
    expect(sbom.metadata.component).toMatchObject({ name: "demo.weather", version: "1.0.0", licenses: [{ expression: "MIT" }] });
    expect(sbom.components).toEqual([
      {
        type: "library",
        "bom-ref": "pkg:npm/%40scope/right@2.0.0-beta.1%2B5",
        group: "@scope",
        name: "right",
        version: "2.0.0-beta.1+5",
        licenses: [{ license: { name: "SEE LICENSE IN <file>" } }],
        purl: "pkg:npm/%40scope/right@2.0.0-beta.1%2B5",
      },
      { type: "library", "bom-ref": "pkg:npm/inner@0.1.0", name: "inner", version: "0.1.0", purl: "pkg:npm/inner@0.1.0" },
      {
        type: "library",
        "bom-ref": "pkg:npm/left@1.2.3",
        name: "left",
        version: "1.2.3",
        licenses: [{ expression: "MIT OR Apache-2.0" }],
        purl: "pkg:npm/left@1.2.3",
      },
    ]);
    expect(sbom.dependencies).toContainEqual({ ref: "pkg:npm/left@1.2.3", dependsOn: ["pkg:npm/inner@0.1.0"] });
    expect(sbom.dependencies[0]).toEqual({
      ref: "plinth:demo.weather@1.0.0",
      dependsOn: ["pkg:npm/%40scope/right@2.0.0-beta.1%2B5", "pkg:npm/left@1.2.3"],
    });
  });

  it("has the same bytes wherever it is made, and other ones for other versions", async () => {
    const { integrity } = await packExtension(join(home, "ext"));
    const { serialNumber } = await sbomOf();
    await cp(join(home, "ext"), join(home, "far/away/ext"), { recursive: true });
    expect((await packExtension(join(home, "far/away/ext"))).integrity).toBe(integrity);
    await write(library("inner", "0.1.1", "export const inner = globalThis.x;"));
    expect((await sbomOf()).serialNumber).not.toBe(serialNumber);
  });

  it("is there for an extension that is data only", async () => {
    await write({ "data/plinth.json": JSON.stringify(testManifest("demo.models", "1.0.0", { entry: undefined })) });
    expect(await sbomOf("data")).toMatchObject({ components: [], dependencies: [{ ref: "plinth:demo.models@1.0.0", dependsOn: [] }] });
  });
});
