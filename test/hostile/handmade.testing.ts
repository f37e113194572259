import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Header } from "tar";
import type { Attack, HostileCase, PackageParts } from "./case.ts";
import { makeArchive } from "./package.ts";

/** The pipeline is the same for each tier: one run tells. */
export const once = (stop: HostileCase["stopped"]["isolate"]): HostileCase["stopped"] => ({ isolate: stop ?? [] });

export const tool = (id: string) => ({
  contract: "plinth.tool",
  version: "1.0.0",
  id,
  descriptor: { description: "x", input: { type: "object" }, effects: [] },
});

/** Provides whatever its manifest says. */
export const ENTRY =
  "export default { plinth: 1, async start(bridge, info, { provide }) { for (const { contract, id } of info.manifest.provides ?? []) provide(contract, id, { call: () => ({ content: [{ type: 'text', text: 'fine' }] }) }); return { async stop() {} }; } };";

/** As somebody makes it who does not use an author's tools. */
export const handmade = (manifest: object, more: PackageParts = {}): PackageParts => ({
  raw: true,
  module: ENTRY,
  manifest: manifest as never,
  ...more,
});

export const archiveOf = (attack: Attack, parts: PackageParts): Promise<string> => makeArchive(join(attack.facts.home, "desk"), parts, attack);

export type ArchiveEntry = [name: string, content: string | Uint8Array, header?: { type?: string; linkpath?: string }];

/** A tarball with whatever headers. */
export async function tarball(entries: readonly ArchiveEntry[]): Promise<Uint8Array> {
  const blocks: Buffer[] = [];
  for (const [path, content, more = {}] of entries) {
    const bytes = Buffer.from(content as Uint8Array);
    const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: new Date(0), type: "File", ...more } as never);
    header.encode();
    blocks.push(header.block as Buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  }
  return promisify(gzip)(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}
