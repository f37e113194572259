import { failure } from "@plinth/sdk/kits/model-api";

const KINDS: readonly (readonly [type: string, head: string, at: number])[] = [
  ["image/png", "89504e47", 0],
  ["image/jpeg", "ffd8ff", 0],
  ["image/webp", "57454250", 8],
  ["image/gif", "47494638", 0],
];

/** A picture of an answer: its bytes, or what is at the address that it came as, which expires. */
export async function bytesIn(row: any, title: string, fetched: (url: string) => Promise<AsyncIterable<Uint8Array>>): Promise<Uint8Array> {
  if (typeof row?.b64_json === "string" && row.b64_json !== "") return new Uint8Array(Buffer.from(row.b64_json, "base64"));
  // Only a server in the open: what a vendor names is not to be fetched from this machine or its network.
  if (typeof row?.url !== "string" || !/^https:\/\/[^/@]+\.[a-z]{2,}(:\d+)?\//i.test(row.url))
    throw failure("STREAM", `${title} sent a picture without bytes.`, { details: { retryable: false } });
  const pieces: Uint8Array[] = [];
  for await (const piece of await fetched(row.url)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

/** What the bytes are: servers do not always say it, and not always what is so. */
export function mimeOf(bytes: Uint8Array, title: string): string {
  const found = KINDS.find(([, head, at]) => Buffer.from(bytes.subarray(at, at + head.length / 2)).toString("hex") === head);
  if (found !== undefined) return found[0];
  throw failure("STREAM", `${title} sent something that is no picture.`, { details: { retryable: false } });
}
