import type { ModelMessage, TranscriptEntry } from "@plinth/sdk";

type Body = TranscriptEntry["body"];
export type RepairBody = Extract<Body, { kind: "repair" }>;
export type RepairCode = RepairBody["entries"][number]["code"];

const SILENT = "(no text)";
/** Stands where models are shown nothing, so that what counts from an entry still finds it. */
const NOTHING: Body = { kind: "custom", type: "left-out", data: null };

/** Those that hold: the newest last. */
export function repairsIn(entries: readonly TranscriptEntry[]): { id: string; body: RepairBody }[] {
  const all = entries.flatMap(({ id, body }) => (body.kind === "repair" ? [{ id, body }] : []));
  const undone = new Set(all.flatMap(({ body }) => body.undoes ?? []));
  return all.filter(({ id, body }) => body.undoes === undefined && !undone.has(id));
}

/** The entries as models are shown them after repairs: whose they are, and where they stand, is as before. */
export function mended(entries: readonly TranscriptEntry[]): readonly TranscriptEntry[] {
  const codes = new Map<string, RepairCode[]>();
  for (const { body } of repairsIn(entries)) for (const { entry, code } of body.entries) codes.set(entry, [...(codes.get(entry) ?? []), code]);
  if (codes.size === 0) return entries;
  return entries.map((entry) => {
    const own = codes.get(entry.id);
    return own === undefined || entry.body.kind !== "message" ? entry : { ...entry, body: own.reduce<Body>(changed, entry.body) };
  });
}

function changed(body: Body, code: RepairCode): Body {
  if (body.kind !== "message") return body;
  const { message } = body;
  if (code === "left-out" || (code === "empty" && message.role === "assistant")) return NOTHING;
  if (code === "text") return { ...body, message: wellFormed(message) as ModelMessage };
  return code === "empty" ? { ...body, message: { ...message, content: [...message.content, { type: "text", text: SILENT }] } } : body;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name.toWellFormed(), wellFormed(one)]));
}
