import { failure } from "@plinth/sdk/kits/model-api";

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
