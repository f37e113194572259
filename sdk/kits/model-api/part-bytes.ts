import { INLINE_BASE64 } from "@plinth/manifests/content/limits.ts";
import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { keepArtifact, readArtifact } from "../../extension/artifacts.ts";
import { type Client, type ContentPart, partLabel } from "../../extension/index.ts";
import { failure } from "./failure.ts";

type Artifacts = Client<"plinth.artifacts">;
type Bytes = Extract<ContentPart, { type: "image" | "audio" | "video" | "file" }>;

export interface PartBytesOptions {
  /** As errors name the server. */
  title: string;
  /** The request's field. */
  param: string;
  /** In bytes. */
  max: number;
  artifacts: () => Artifacts;
  signal: AbortSignal;
}

/** A part's bytes: its own, or an artifact's. An address is not followed: whoever asks may not reach what this extension may. */
export async function partBytes(part: Bytes, { title, param, max, artifacts, signal }: PartBytesOptions): Promise<Uint8Array<ArrayBuffer>> {
  const refuse = (what: string, next: string) =>
    failure("UNSUPPORTED", `${title} cannot take ${partLabel(part)}${what}.`, { next, details: { param, retryable: false } });
  if (part.artifact === undefined && part.base64 === undefined) throw refuse(" by its address", "Keep it as an artifact first.");
  const read = part.artifact === undefined ? fromBase64(part.base64!) : await readArtifact(artifacts(), part.artifact, max, signal);
  if (read === undefined || read.length > max) throw refuse(`, which has more than ${max} bytes`, "Send less at once.");
  return new Uint8Array(read);
}

/** What a model made, as a part: inline where that is short, else an artifact. */
export async function madePart<Type extends "image" | "audio" | "video">(
  type: Type,
  mimeType: string,
  bytes: Uint8Array,
  artifacts: () => Artifacts,
  signal: AbortSignal,
): Promise<Extract<ContentPart, { type: Type }>> {
  const base64 = bytes.length > (INLINE_BASE64 * 3) / 4 ? undefined : toBase64(bytes);
  const where =
    base64 === undefined || base64.length > INLINE_BASE64
      ? { artifact: (await keepArtifact(artifacts(), bytes, { mimeType }, signal)).id }
      : { base64 };
  return { type, mimeType, bytes: bytes.length, ...where } as Extract<ContentPart, { type: Type }>;
}
