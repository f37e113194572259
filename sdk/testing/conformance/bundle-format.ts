import assert from "node:assert/strict";
import type { BundleFile, Client } from "../../extension/index.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Format = Client<"plinth.bundle-format">;

export interface BundleFormatSubject extends Opening<Format> {
  /** A package of the format, as its descriptor's `marks` know it. */
  files: readonly BundleFile[];
  /** Names of its files that tell the format. */
  marks: readonly string[];
  /** The same package, damaged. */
  damaged?: readonly BundleFile[];
}

const one = casesOf<Format, BundleFormatSubject>("plinth.bundle-format");
const told = ({ files, marks }: BundleFormatSubject) => ({
  names: files.map(({ path }) => path),
  files: files.filter(({ path }) => marks.includes(path)),
});

/** What `plinth.bundle-format` asks of whoever reads packages of another product. */
export const bundleFormatConformance: readonly ConformanceCase<BundleFormatSubject>[] = [
  one("knows a package of its format, and none of another", async (format, given) => {
    assert.equal((await format.detect(told(given))).fits, true);
    assert.equal((await format.detect({ names: ["README.md"], files: [] })).fits, false);
    await assertCode(format.convert({ files: [{ path: "README.md", text: "x" }], id: "acme.x" }), "PLINTH_BUNDLE_KIND");
  }),
  one("makes a package with a manifest that this product reads, of the id that is wanted", async (format, { files }) => {
    const made = await format.convert({ files: [...files], id: "acme.converted" });
    const manifest = made.files.find(({ path }) => path === "plinth.json");
    // The manifest's validators are large, and wanted here only.
    const { parseManifest } = await import("@plinth/manifests/check/manifest.ts");
    assert.equal(parseManifest(manifest?.text ?? "", "the package").id, "acme.converted");
    assert.equal(new Set(made.files.map(({ path }) => path)).size, made.files.length);
    for (const { path } of made.files) assert.ok(!path.startsWith("/") && !path.split("/").includes(".."), path);
    assert.ok(made.carried.length + made.lost.length > 0, "it says what works and what does not");
  }),
  one("gives the same for the same", async (format, { files }) => {
    const input = { files: [...files], id: "acme.converted" };
    assert.deepEqual(await format.convert(input), await format.convert(input));
  }),
  one("takes hostile names as data", async (format, { files }) => {
    const input = { files: [...files, { path: "../../evil", text: "x" }], id: "acme.converted" };
    const made = await format.convert(input).catch((error: { code?: string }) => error);
    if ("files" in made) for (const { path } of made.files) assert.ok(!path.includes(".."), path);
    else await assertCodedFailure(Promise.reject(made));
  }),
  one(
    "says where a package is damaged",
    async (format, { damaged }) => assertCode(format.convert({ files: [...damaged!], id: "acme.converted" }), "PLINTH_BUNDLE_INVALID"),
    ["damaged"],
  ),
];
