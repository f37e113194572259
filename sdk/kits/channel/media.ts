import type { ContentPart } from "@plinth/manifests";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";

/** A part whose bytes a channel can carry. */
export type MediaPart = Extract<ContentPart, { type: "image" | "audio" | "video" | "file" }>;

export const isMedia = (part: ContentPart): part is MediaPart => ["image", "audio", "video", "file"].includes(part.type);

/** Whether a list as a descriptor's `media` has it, such as `image/*`, has a mime type. */
export function takesMime(list: readonly string[], mimeType: string): boolean {
  const [kind = "", sort = ""] = (mimeType.split(";")[0] ?? "").trim().toLowerCase().split("/");
  return list.some((one) => {
    const [wantedKind, wantedSort] = one.toLowerCase().split("/");
    return (wantedKind === "*" || wantedKind === kind) && (wantedSort === "*" || wantedSort === sort || sort === "*");
  });
}

/** A part's bytes as base64, to be sent; undefined where it has only an address. @param read an artifact's bytes by its id. */
export async function mediaBase64(part: MediaPart, read: (id: string) => Promise<Uint8Array | undefined>): Promise<string | undefined> {
  if (part.base64 !== undefined) return part.base64;
  const bytes = part.artifact === undefined ? undefined : await read(part.artifact);
  return bytes === undefined ? undefined : toBase64(bytes);
}

/** What `fetchMedia` yields of a body as it arrives. */
export async function* mediaPieces(
  body: AsyncIterable<Uint8Array>,
  facts: { mimeType?: string; name?: string } = {},
): AsyncGenerator<{ base64: string; mimeType?: string; name?: string }> {
  for await (const piece of body) yield { base64: toBase64(piece), ...facts };
}
