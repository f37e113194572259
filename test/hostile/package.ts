import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "@plinth/manifests";
import { packExtension, packFiles } from "@plinth/registry";
import { root } from "../e2e/lab.ts";
import type { PackageParts, Tier } from "./case.ts";

/** In scope of every tool's call: a result of anything, and a result that says how an attempt ended. */
const WORDS = `
const say = (value) => ({ content: [{ type: "text", text: typeof value === "string" ? value : String(JSON.stringify(value)) }] });
const attempt = async (body) => {
  try {
    const value = await body();
    return say("DONE: " + (typeof value === "string" ? value : String(JSON.stringify(value))).slice(0, 2000));
  } catch (thrown) {
    return say("REFUSED " + String(thrown?.code ?? thrown?.name ?? "Error") + ": " + String(thrown?.message ?? thrown).slice(0, 2000));
  }
};
`;

export interface Identity {
  readonly id: string;
  readonly tool: string;
  readonly tier: Tier;
}

/** A package as its author would have packed it; resolves to the archive's path. */
export async function makeArchive(folder: string, parts: PackageParts, identity: Identity): Promise<string> {
  const manifest = manifestOf(parts, identity);
  const dir = join(folder, `${identity.id}-${Math.random().toString(36).slice(2)}`);
  const archive = `${dir}.tgz`;
  await mkdir(dir, { recursive: true });
  try {
    await writeFile(archive, parts.tarball ?? (await pack(dir, parts, manifest, identity)));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return archive;
}

async function pack(dir: string, parts: PackageParts, manifest: object, { tool }: Identity): Promise<Uint8Array> {
  const entry = parts.module ?? entryOf(parts, tool);
  const text = JSON.stringify(manifest);
  if (parts.raw) return packFiles(Object.entries({ "plinth.json": text, "index.js": entry, ...parts.files }));
  await writeFile(join(dir, "plinth.json"), text);
  await writeFile(join(dir, "index.js"), entry);
  for (const [name, bytes] of Object.entries(parts.files ?? {})) {
    await mkdir(join(dir, name, ".."), { recursive: true });
    await writeFile(join(dir, name), bytes);
  }
  return (await packExtension(dir, { sdkDir: join(root, "sdk") })).tarball;
}

const entryOf = ({ top = "", activate = "", code = 'return say("fine");' }: PackageParts, tool: string): string => `
import { defineExtension } from "@plinth/sdk";
${top}
${WORDS}
export default defineExtension({
  async activate(ctx) {
    ${activate}
    ctx.provide("plinth.tool", ${JSON.stringify(tool)}, { async call(input, call) { ${code} } });
  },
});
`;

function manifestOf({ manifest = {} }: PackageParts, { id, tool, tier }: Identity): Partial<Manifest> {
  return {
    id,
    version: "1.0.0",
    title: id,
    description: "Means no good.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    tiers: [tier],
    provides: [
      { contract: "plinth.tool", version: "1.0.0", id: tool, descriptor: { description: "Attacks.", input: { type: "object" }, effects: [] } },
    ],
    ...manifest,
  };
}
