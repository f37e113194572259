import { INLINE_BASE64 } from "@plinth/manifests/content/limits.ts";
import { fromBase64, toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { keepArtifact, readArtifact } from "../../extension/artifacts.ts";
import { errorInfo } from "../../extension/errors.ts";
import { type Client, type ContentPart, type ModelEvent, type ModelMessage, type Part, partLabel } from "../../extension/index.ts";
import type { Unsupported } from "./support.ts";

type Artifacts = Client<"plinth.artifacts">;
type Bytes = Extract<ContentPart, { type: "image" | "audio" | "file" }>;

export interface ByteLimits {
  /** Of one part. */
  part: number;
  /** Of a request. */
  all: number;
  /** false: results of tools stay as they are, for a server that takes nothing but text there. */
  results?: boolean;
}

/** What most services take. */
export const BYTE_LIMITS: ByteLimits = { part: 10 * 1_048_576, all: 24 * 1_048_576 };

/**
 * What people sent and tools gave, with its bytes: pictures, recordings and files that are artifacts carry them as base64, longer
 * than a part of the contract may. The newest come first where not all fit; what does not fit, or is gone, is named in its place.
 */
export async function withBytes(
  messages: readonly ModelMessage[],
  artifacts: () => Artifacts,
  unsupported: Pick<Unsupported, "leave">,
  signal: AbortSignal,
  limits = BYTE_LIMITS,
): Promise<ModelMessage[]> {
  const holdsKept = (message: ModelMessage) => (message.role !== "tool" || limits.results !== false) && kept(message);
  if (!messages.some(holdsKept)) return [...messages];
  let left = limits.all;
  const resolvedIn = async <P extends Part>(parts: readonly P[]): Promise<P[]> => {
    const content: P[] = [];
    for (const part of parts.toReversed()) {
      if (part.type === "tool-result" && part.content.some(isKept)) {
        content.unshift({ ...part, content: await resolvedIn(part.content) });
        continue;
      }
      const given = isKept(part) ? ((await bytesOf(part, artifacts, Math.min(left, limits.part), unsupported, signal)) as P) : part;
      if (given !== part && "base64" in given) left -= Math.floor((((given.base64 as string | undefined) ?? "").length * 3) / 4);
      content.unshift(given);
    }
    return content;
  };
  const resolved: ModelMessage[] = [];
  for (const message of messages.toReversed())
    resolved.unshift(holdsKept(message) ? { ...message, content: await resolvedIn(message.content) } : message);
  return resolved;
}

/** The assistant's own pictures go back as its protocol has them. */
const kept = ({ role, content }: ModelMessage): boolean =>
  role !== "assistant" && content.some((part) => isKept(part) || (part.type === "tool-result" && part.content.some(isKept)));

const isKept = (part: Part): part is Bytes & { artifact: string } =>
  (part.type === "image" || part.type === "audio" || part.type === "file") && typeof part.artifact === "string";

async function bytesOf(
  { artifact, ...part }: Bytes & { artifact: string },
  artifacts: () => Artifacts,
  max: number,
  unsupported: Pick<Unsupported, "leave">,
  signal: AbortSignal,
): Promise<Part> {
  const named = (why: string): Part => ({ type: "text", text: `${partLabel(part)} ${why}.` });
  try {
    const bytes = await readArtifact(artifacts(), artifact, max, signal);
    if (bytes !== undefined) return { ...part, base64: toBase64(bytes) };
  } catch (error) {
    signal.throwIfAborted();
    // A conversation goes on without what is gone.
    return named(errorInfo(error).code === "PLINTH_ARTIFACT_UNKNOWN" ? "is not kept any more" : "cannot be read now");
  }
  unsupported.leave("messages", `${partLabel(part)}, which is too large`);
  return named("is too large to be sent");
}

/** What a model made, as a part may carry it: what is larger becomes an artifact, and where that cannot be, a warning. */
export async function keptEvent(event: ModelEvent, artifacts: () => Artifacts, signal: AbortSignal): Promise<ModelEvent> {
  if (event.type !== "part" || !("base64" in event.part)) return event;
  const { base64 = "", ...part } = event.part;
  if (base64.length <= INLINE_BASE64) return event;
  try {
    const { id, bytes } = await keepArtifact(artifacts(), fromBase64(base64), { mimeType: part.mimeType }, signal);
    return { type: "part", part: { ...part, artifact: id, bytes } };
  } catch (error) {
    signal.throwIfAborted();
    return {
      type: "warning",
      code: "PLINTH_MODEL_UNSUPPORTED",
      message: `${partLabel(part)} of the model could not be kept: ${errorInfo(error).message}`,
    };
  }
}
