import type { MessageOrigin, TranscriptEntry, Work } from "@plinth/sdk";

/** What surfaces are told of whose words they show; undefined where they are the owner's own and nobody had a hand in them. */
export function originNote(work: Work | undefined): MessageOrigin | undefined {
  if (work === undefined) return undefined;
  const { principal, influences } = work;
  if (principal.role === "owner" && influences.length === 0) return undefined;
  return { by: principal.role, via: principal.via, ...(influences.length === 0 ? {} : { influences: influences.map((one) => ({ ...one })) }) };
}

const UNKNOWN: MessageOrigin = { by: "system", influences: [{ party: "outside", how: "a tool's result from before origins were kept" }] };

/** Of a stored entry. What a tool gave before origins were kept may be anybody's; what was typed then was the owner's. */
export function storedOrigin({ origin, body }: TranscriptEntry): MessageOrigin | undefined {
  if (origin === undefined) return body.kind === "message" && body.message.role === "tool" ? UNKNOWN : undefined;
  return origin.by === "owner" && origin.influences === undefined ? undefined : origin;
}

/** The parties that an origin brings into a turn which sees it. */
export function partiesOf({ by, via, influences = [] }: MessageOrigin): string[] {
  if (influences.length > 0) return influences.map(({ party }) => party);
  return by === "guest" ? [`guest:${via ?? "unknown"}`] : [];
}
