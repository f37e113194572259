import type { ArtifactInfo } from "@plinth/manifests";
import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";
import type { Client } from "./types.ts";

type Artifacts = Client<"plinth.artifacts">;

/** Bytes of one piece; a message between tiers is not longer. */
const PIECE = 2_097_152;

type Facts = { mimeType: string; name?: string; session?: string; ttlMs?: number };

/** Keep bytes, in as many pieces as it takes. Rejects with the errors of `plinth.artifacts`. */
export async function keepArtifact(artifacts: Pick<Artifacts, "put">, bytes: Uint8Array, facts: Facts, signal?: AbortSignal): Promise<ArtifactInfo> {
  const options = signal === undefined ? {} : { signal };
  let upload: string | undefined;
  for (let at = 0; ; at += PIECE) {
    const more = at + PIECE < bytes.length;
    const base64 = toBase64(bytes.subarray(at, at + PIECE));
    const given = { base64, ...facts, ...(upload === undefined ? {} : { upload }), ...(more ? { more } : {}) };
    const kept = await artifacts.put(given, options);
    if (kept.artifact !== undefined) return kept.artifact;
    upload = kept.upload;
  }
}

/** As `keepArtifact`, of bytes that come in pieces of whatever length: no more than two MiB of them wait. */
export async function keepArtifactFrom(
  artifacts: Pick<Artifacts, "put">,
  pieces: AsyncIterable<Uint8Array>,
  facts: Facts,
  signal?: AbortSignal,
): Promise<ArtifactInfo> {
  const options = signal === undefined ? {} : { signal };
  const waiting = new Uint8Array(PIECE);
  let length = 0;
  let upload: string | undefined;
  const put = (more: boolean) =>
    artifacts.put(
      { base64: toBase64(waiting.subarray(0, length)), ...facts, ...(upload === undefined ? {} : { upload }), ...(more ? { more } : {}) },
      options,
    );
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      if (length === PIECE) {
        ({ upload } = await put(true));
        length = 0;
      }
      const taken = piece.subarray(at, at + PIECE - length);
      waiting.set(taken, length);
      length += taken.length;
      at += taken.length;
    }
  }
  const { artifact } = await put(false);
  return artifact!;
}

/** An artifact's bytes; undefined: there are more than `max`. Rejects with PLINTH_ARTIFACT_UNKNOWN where it is gone. */
export async function readArtifact(
  artifacts: Pick<Artifacts, "get" | "read">,
  id: string,
  max: number,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const options = signal === undefined ? {} : { signal };
  const { artifact } = await artifacts.get({ id }, options);
  if (artifact.bytes > max) return undefined;
  const bytes = new Uint8Array(artifact.bytes);
  let at = 0;
  for await (const { base64 } of artifacts.read({ id }, options)) {
    const piece = fromBase64(base64);
    bytes.set(piece.subarray(0, bytes.length - at), at);
    at += piece.length;
  }
  return bytes;
}
