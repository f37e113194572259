import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Client } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.artifacts";
type Artifacts = Client<"plinth.artifacts">;

export interface ArtifactsSubject {
  /** An empty store for each case. */
  open(): Promise<{ artifacts: Artifacts; close?(): unknown }>;
}

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString("base64");
const text = { mimeType: "text/plain" };

async function bytesOf(artifacts: Artifacts, id: string, range: { offset?: number; length?: number } = {}): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const item of artifacts.read({ id, ...range })) {
    await assertFits(ID, "read", "item", item);
    pieces.push(Buffer.from(item.base64, "base64"));
  }
  return Buffer.concat(pieces);
}

async function put(artifacts: Artifacts, input: Parameters<Artifacts["put"]>[0]): Promise<{ id: string; sha256: string; bytes: number }> {
  const output = await artifacts.put(input);
  await assertFits(ID, "put", "output", output);
  assert.ok(output.artifact, "the last piece gives the artifact");
  return output.artifact;
}

const one = (name: string, body: (artifacts: Artifacts) => Promise<void>): ConformanceCase<ArtifactsSubject> => ({
  name,
  run: ({ open }) => withOpened(open, ({ artifacts }) => body(artifacts)),
});

/** What `plinth.artifacts` asks of whoever keeps bytes. */
export const artifactsConformance: readonly ConformanceCase<ArtifactsSubject>[] = [
  one("keeps bytes by what they are, and gives them back", async (artifacts) => {
    const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, n) => n % 256));
    const kept = await put(artifacts, { base64: base64(bytes), mimeType: "image/png", name: "a.png", session: "s" });
    assert.equal(kept.sha256, createHash("sha256").update(bytes).digest("hex"));
    assert.equal(kept.bytes, 1_000);
    const got = await artifacts.get({ id: kept.id });
    await assertFits(ID, "get", "output", got);
    assert.deepEqual([got.artifact.mimeType, got.artifact.name, got.artifact.session], ["image/png", "a.png", "s"]);
    assert.deepEqual(await bytesOf(artifacts, kept.id), bytes);
  }),
  one("keeps nothing at all too", async (artifacts) => {
    const { id } = await put(artifacts, { base64: "", ...text });
    assert.equal((await bytesOf(artifacts, id)).length, 0);
  }),
  one("gives the same bytes with the same facts the same id, and counts them once", async (artifacts) => {
    const first = await put(artifacts, { base64: base64("same"), ...text });
    assert.equal((await put(artifacts, { base64: base64("same"), ...text })).id, first.id);
    const named = await put(artifacts, { base64: base64("same"), ...text, name: "b.txt" });
    assert.notEqual(named.id, first.id);
    assert.equal(named.sha256, first.sha256);
    const usage = await artifacts.usage({});
    await assertFits(ID, "usage", "output", usage);
    assert.deepEqual([usage.artifacts, usage.bytes], [2, 4]);
  }),
  one("has ids that do not follow from the bytes", async (artifacts) => {
    const { id, sha256 } = await put(artifacts, { base64: base64("known to everybody"), ...text });
    assert.ok(!id.includes(sha256.slice(0, 16)) && id.length >= 16);
  }),
  one("takes bytes in pieces", async (artifacts) => {
    const { upload } = await artifacts.put({ base64: base64("one "), ...text, more: true });
    assert.ok(upload);
    await artifacts.put({ base64: base64("two "), ...text, more: true, upload });
    const { id } = await put(artifacts, { base64: base64("three"), ...text, upload });
    assert.equal(String(await bytesOf(artifacts, id)), "one two three");
    assert.equal((await assertCodedFailure(artifacts.put({ base64: "", ...text, upload }))).code, "PLINTH_ARTIFACT_UNKNOWN");
  }),
  one("reads ranges", async (artifacts) => {
    const { id } = await put(artifacts, { base64: base64("0123456789"), ...text });
    assert.equal(String(await bytesOf(artifacts, id, { offset: 3, length: 4 })), "3456");
    assert.equal(String(await bytesOf(artifacts, id, { offset: 8 })), "89");
    assert.equal(String(await bytesOf(artifacts, id, { offset: 8, length: 100 })), "89");
    assert.equal((await assertCodedFailure(bytesOf(artifacts, id, { offset: 10 }))).code, "PLINTH_ARTIFACT_RANGE");
  }),
  one("lists the newest first, by session and kind, a page at a time", async (artifacts) => {
    for (const [n, session] of ["a", "b", "a"].entries()) {
      await put(artifacts, { base64: base64(`${n}`), mimeType: n === 1 ? "image/png" : "text/plain", session, name: `${n}` });
    }
    const names = async (input: Parameters<Artifacts["list"]>[0]) => {
      const output = await artifacts.list(input);
      await assertFits(ID, "list", "output", output);
      return output.artifacts.map(({ name }) => name);
    };
    assert.deepEqual(await names({}), ["2", "1", "0"]);
    assert.deepEqual(await names({ session: "a" }), ["2", "0"]);
    assert.deepEqual(await names({ mimeType: "image/" }), ["1"]);
    const { next } = await artifacts.list({ limit: 2 });
    assert.deepEqual(await names({ limit: 2, cursor: next! }), ["0"]);
  }),
  one("lets go of what has expired, and keeps what is wanted for longer", async (artifacts) => {
    const gone = await put(artifacts, { base64: base64("gone"), ...text, ttlMs: 1_000 });
    const kept = await put(artifacts, { base64: base64("kept"), ...text, ttlMs: 1_000 });
    const longer = await artifacts.keep({ id: kept.id, ttlMs: null });
    await assertFits(ID, "keep", "output", longer);
    assert.equal(longer.artifact.expiresAt, undefined);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    assert.equal((await assertCodedFailure(artifacts.get({ id: gone.id }))).code, "PLINTH_ARTIFACT_UNKNOWN");
    assert.equal(String(await bytesOf(artifacts, kept.id)), "kept");
  }),
  one("drops one and leaves others with the same bytes", async (artifacts) => {
    const first = await put(artifacts, { base64: base64("same"), ...text });
    const second = await put(artifacts, { base64: base64("same"), ...text, name: "b.txt" });
    assert.deepEqual(await artifacts.drop({ id: first.id }), { dropped: true });
    assert.deepEqual(await artifacts.drop({ id: first.id }), { dropped: false });
    assert.equal((await assertCodedFailure(artifacts.get({ id: first.id }))).code, "PLINTH_ARTIFACT_UNKNOWN");
    assert.equal(String(await bytesOf(artifacts, second.id)), "same");
  }),
  one("takes hostile ids and names as data", async (artifacts) => {
    for (const id of ["../../etc/passwd", "__proto__", "", "%2e%2e", "a'; DROP TABLE artifacts; --"]) {
      await assertCodedFailure(bytesOf(artifacts, id));
    }
    const { id } = await put(artifacts, { base64: base64("x"), ...text, name: "../../../etc/passwd\u0000" });
    assert.equal(String(await bytesOf(artifacts, id)), "x");
  }),
];
