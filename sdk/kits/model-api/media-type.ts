import { failure } from "./failure.ts";

export type Medium = "image" | "audio" | "video";

/** By what stands at a place of its first bytes. */
const KINDS: readonly (readonly [type: string, mark: string, at: number])[] = [
  ["image/png", "\x89PNG", 0],
  ["image/jpeg", "\xff\xd8\xff", 0],
  ["image/webp", "WEBP", 8],
  ["image/gif", "GIF8", 0],
  ["audio/wav", "WAVE", 8],
  ["audio/ogg", "OggS", 0],
  ["audio/flac", "fLaC", 0],
  ["audio/mpeg", "ID3", 0],
  ["audio/mp4", "ftypM4A", 4],
  ["video/mp4", "ftyp", 4],
  ["video/webm", "\x1a\x45\xdf\xa3", 0],
];
/** So many bytes say what it is. */
export const HEAD_BYTES = 16;

const WORDS: Readonly<Record<Medium, string>> = { image: "picture", audio: "sound", video: "film" };

/**
 * What bytes are, by their first ones: servers do not always say it, and not always what is so.
 *
 * @throws PLINTH_MODEL_STREAM where they are nothing of this medium
 */
export function mediaTypeOf(medium: Medium, bytes: Uint8Array, title: string): string {
  const head = String.fromCharCode(...bytes.subarray(0, HEAD_BYTES));
  const found = KINDS.find(([, mark, at]) => head.startsWith(mark, at))?.[0] ?? (isFrame(bytes) ? "audio/mpeg" : undefined);
  const type = medium === "audio" ? found?.replace("video/", "audio/") : found;
  if (type?.startsWith(`${medium}/`) === true) return type;
  throw failure("STREAM", `${title} sent something that is no ${WORDS[medium]}.`, { details: { retryable: false } });
}

/** MPEG audio without a tag before it. */
const isFrame = ([first, second = 0]: Uint8Array): boolean => first === 0xff && (second & 0xe0) === 0xe0 && (second & 0x06) !== 0;
