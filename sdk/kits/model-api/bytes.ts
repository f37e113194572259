import type { Part } from "../../extension/index.ts";

type Bytes = Extract<Part, { type: "image" | "audio" | "video" | "file" }>;

/** The address of a part's bytes, as most servers take it: its own, or a data URL; undefined for an artifact. */
export function urlOf({ url, base64, mimeType }: Bytes): string | undefined {
  return url ?? (base64 === undefined ? undefined : `data:${mimeType};base64,${base64}`);
}

/** What an image that a server sends as a data URL is, as a part, perhaps longer than one may be (see `keptEvent`); undefined where it is none. */
export function imageOf(url: unknown): Extract<Part, { type: "image" }> | undefined {
  if (typeof url !== "string") return undefined;
  const match = /^data:(image\/[a-z0-9.+-]+);base64,([A-Za-z0-9+/]+={0,2})$/i.exec(url);
  if (match !== null) return match[2]!.length > LONGEST ? undefined : { type: "image", mimeType: match[1]!, base64: match[2]! };
  return /^https?:\/\//.test(url) && url.length <= 8_192 ? { type: "image", mimeType: "image/*", url } : undefined;
}

/** 8 MiB. */
const LONGEST = 11_184_812;
