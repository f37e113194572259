import { createHash } from "node:crypto";
import type { Manifest } from "@plinth/manifests";
import { canonicalJson, prettyJson } from "@plinth/manifests/canonical-json.ts";
import type { BundledPackage, BundledPackages } from "./bundled-packages.ts";

export const SBOM_FILE = "sbom.cdx.json";

/**
 * The package's bill of materials as CycloneDX 1.6 JSON: the extension, the npm packages that were bundled into it, and
 * who uses whom. It has no time and a serial number that follows from its content, so that the same source gives the
 * same bytes.
 */
export function sbomOf({ id, version, license }: Pick<Manifest, "id" | "version" | "license">, bundled: BundledPackages): string {
  const root = `plinth:${id}@${version}`;
  const refs = new Map(bundled.packages.map((one) => [`${one.name}@${one.version}`, purlOf(one)]));
  const dependencies = [
    { ref: root, dependsOn: bundled.uses.map((use) => refs.get(use)!) },
    ...bundled.packages.map((one) => ({ ref: purlOf(one), dependsOn: one.uses.map((use) => refs.get(use)!) })),
  ];
  const content = {
    metadata: {
      tools: { components: [{ type: "application", name: "plinth pack" }] },
      component: { type: "application", "bom-ref": root, name: id, version, ...licensesOf(license) },
    },
    components: bundled.packages.map(componentOf),
    dependencies,
  };
  const hash = createHash("sha256").update(canonicalJson(content)).digest("hex");
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-8${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return prettyJson({
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuid}`,
    version: 1,
    ...content,
  });
}

function componentOf(one: BundledPackage) {
  const [group, name] = one.name.startsWith("@") ? one.name.split("/") : [undefined, one.name];
  const purl = purlOf(one);
  return {
    type: "library",
    "bom-ref": purl,
    ...(group === undefined ? {} : { group }),
    name,
    version: one.version,
    ...licensesOf(one.license),
    purl,
  };
}

/** https://github.com/package-url/purl-spec: the scope's @ is escaped, the slash after it is not. */
function purlOf({ name, version }: BundledPackage): string {
  return `pkg:npm/${name.split("/").map(encodeURIComponent).join("/")}@${encodeURIComponent(version)}`;
}

const SPDX = /^[A-Za-z0-9.+() -]{1,200}$/;
function licensesOf(license: string | undefined) {
  if (license === undefined || license === "") return {};
  return { licenses: SPDX.test(license) ? [{ expression: license }] : [{ license: { name: license.slice(0, 200) } }] };
}
