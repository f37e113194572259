import { type Context, errorInfo, type Part, partLabel, readArtifact } from "@plinth/sdk";
import type { Said } from "./said.ts";

/** Of one picture, in bytes. */
const LARGEST = 16 * 1_048_576;

/**
 * What a part of an answer is told as. What no dialect has a form for is said in words, such as `[audio speech.mp3, 12 KiB]`;
 * undefined: nothing that is for a client.
 */
export async function saidOf(ctx: Context, part: Part, signal: AbortSignal): Promise<Said | undefined> {
  switch (part.type) {
    case "text":
    case "reasoning":
    case "tool-call":
    case "tool-result":
      return undefined;
    case "refusal":
      return { type: "refusal", text: part.text };
    case "citation":
      return { type: "cite", citation: part };
    case "opaque":
      return part.opaque === undefined ? undefined : { type: "hidden", part };
    case "image": {
      if (part.url !== undefined) return { type: "picture", part, url: part.url };
      const base64 = part.base64 ?? (await pictureBytes(ctx, part.artifact, signal));
      if (base64 === undefined) break;
      return { type: "picture", part, url: addressOf(part.mimeType, base64) };
    }
  }
  return { type: "text", delta: `${partLabel(part)}\n` };
}

const addressOf = (mimeType: string, base64: string): string => `data:${mimeType};base64,${base64}`;

/** A picture's bytes as base64; undefined where they are gone, or too many. */
export async function pictureBytes(ctx: Context, artifact: string | undefined, signal: AbortSignal): Promise<string | undefined> {
  if (artifact === undefined) return undefined;
  try {
    const bytes = await readArtifact(ctx.use("plinth.artifacts").one(), artifact, LARGEST, signal);
    return bytes && Buffer.from(bytes).toString("base64");
  } catch (error) {
    ctx.log.warn("A picture of an answer is not there any more.", { ...errorInfo(error) });
    return undefined;
  }
}
