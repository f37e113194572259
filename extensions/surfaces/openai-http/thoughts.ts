import type { Part } from "@plinth/sdk";
import { objectOf } from "./fields.ts";

type Opaque = NonNullable<Part["opaque"]>;

const MARK = "plinth1.";
/** Longer than any thought that comes back. */
const MOST = 8 * 1_048_576;

/**
 * What has to go back to the provider unchanged, as one text that a client keeps without reading it: the `encrypted_content`
 * of a reasoning item, the `signature` of a thinking block. It says who made it, so that nobody else is sent it.
 */
export const sealed = (opaque: Opaque, kind?: "opaque"): string =>
  `${MARK}${Buffer.from(JSON.stringify([opaque.by, opaque.data, ...(kind === undefined ? [] : [kind])])).toString("base64url")}`;

/** What `sealed` made; undefined for whatever came from elsewhere: it belongs to nobody here, and nobody is sent it. */
export function opened(text: unknown): { opaque: Opaque; kind: "reasoning" | "opaque" } | undefined {
  if (typeof text !== "string" || !text.startsWith(MARK) || text.length > MOST) return undefined;
  try {
    const [by, data, kind] = JSON.parse(Buffer.from(text.slice(MARK.length), "base64url").toString()) as unknown[];
    return typeof by === "string" && by.length <= 256 && objectOf(data) !== undefined
      ? { opaque: { by, data }, kind: kind === "opaque" ? kind : "reasoning" }
      : undefined;
  } catch {
    return undefined;
  }
}
