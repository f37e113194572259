import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readBundled } from "./bundled.ts";

const descriptor = { title: "Acme", models: [{ id: "a" }] };
const manifest = (given: object) => ({
  id: "acme.models",
  version: "1.0.0",
  title: "Acme",
  description: "",
  engines: { plinth: "*" },
  provides: [{ contract: "acme.vendor", version: "1.0.0", id: "acme", descriptor: given }],
});

let dist: string;
let file: string;
beforeEach(async () => {
  dist = mkdtempSync(join(tmpdir(), "plinth-bundled-"));
  file = join(dist, "extensions/acme.models/plinth.json");
  await mkdir(join(dist, "extensions/acme.models"), { recursive: true });
  await writeFile(file, JSON.stringify(manifest(descriptor)));
  const record = { manifest: manifest({ title: "Acme" }), digest: "d", later: [[0, "models"]] };
  await writeFile(join(dist, "bundled.json"), JSON.stringify({ index: 1, records: [record] }));
});
afterEach(() => rmSync(dist, { recursive: true }));

it("what the build left out of the one file is there for whoever looks, and read once", async () => {
  const [record] = await readBundled(dist);
  const found = record!.manifest.provides![0]!.descriptor as typeof descriptor;
  expect(Object.keys(found)).toEqual(["title", "models"]);
  expect(found.models).toEqual([{ id: "a" }]);
  await rm(file);
  expect(JSON.parse(JSON.stringify(record!.manifest))).toEqual(manifest(descriptor));
  expect(structuredClone(found)).toEqual(descriptor);
});

it("a start reads no extension's own manifest", async () => {
  await rm(file);
  const [record] = await readBundled(dist);
  expect(record).toMatchObject({ digest: "d", bundled: true, dir: join(dist, "extensions/acme.models") });
  expect(record!.manifest.provides![0]!.descriptor).toHaveProperty("title", "Acme");
  await expect(readFile(file)).rejects.toThrow();
});
