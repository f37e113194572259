import { createHash } from "node:crypto";
import type { Manifest } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import type { Finding } from "./finding.ts";

/** A text that reaches a model, and where it stands. */
export interface SteeringText {
  /** Such as provides[0].descriptor.description, or assets/skills/x/SKILL.md. */
  where: string;
  text: string;
}

/** Deeper than any manifest that can be signed. */
const MAX_DEPTH = 120;
/** As much of one text is looked at for its wording. */
const MAX_LOOK = 256 * 1024;
/** Documents in a package that are written for models. */
const FOR_MODELS = /(^|\/)(skill|agents?|claude|gemini|prompt)\.md$|\.prompt(\.md|\.txt)?$|^assets\/(skills|prompts|agents|commands)\/.*\.(md|txt)$/i;

/**
 * All that a package says to models: what its capabilities state of themselves, its own name and description, and the
 * documents that are written for models.
 */
export function steeringTexts(manifest: Manifest, files: ReadonlyMap<string, Uint8Array> = new Map()): SteeringText[] {
  const { title, description, provides = [], defines = [] } = manifest;
  const texts: SteeringText[] = [
    { where: "title", text: title },
    { where: "description", text: description },
  ];
  for (const { contract, id, descriptor } of provides) collect(descriptor, `${contract} ${id}`, texts);
  for (const one of defines) collect(one, `the contract ${one.id}`, texts);
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (FOR_MODELS.test(name)) texts.push({ where: name, text: Buffer.from(bytes).toString("utf8") });
  }
  return texts;
}

/** One hash of all of it. Another hash means that an owner has to look at it again. */
export function steeringDigest(manifest: Manifest, files?: ReadonlyMap<string, Uint8Array>): string {
  return createHash("sha256")
    .update(canonicalJson(steeringTexts(manifest, files)))
    .digest("hex");
}

/** What an update says otherwise, for an owner to read. */
export function steeringChanges(before: readonly SteeringText[], after: readonly SteeringText[]): { where: string; from?: string; to?: string }[] {
  const [old, now] = [before, after].map((texts) => new Map(texts.map(({ where, text }) => [where, text]))) as [
    Map<string, string>,
    Map<string, string>,
  ];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((where) => old.get(where) !== now.get(where))
    .map((where) => {
      const [from, to] = [old.get(where), now.get(where)];
      return { where, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    });
}

/** Wording by which texts try to take a model over. A hint and no proof: the walls hold whatever a text says. */
const WORDINGS: readonly [RegExp, string][] = [
  [
    /\b(ignore|disregard|forget|override)\b.{0,40}\b(previous|prior|above|earlier|other|all)\b.{0,40}\b(instructions?|messages?|rules?|prompts?|tools?)\b/is,
    "tells a model to ignore what it was told",
  ],
  [
    /\b(do not|don't|never|without)\b.{0,40}\b(tell|telling|mention|mentioning|inform|informing|show|showing|reveal|notify|asking|ask)\b.{0,40}\b(user|owner|human|anyone|them)\b/is,
    "tells a model to keep something from people",
  ],
  [
    /\b(always|must|first|before)\b.{0,60}\b(call|use|invoke|run)\b.{0,60}\b(this|before any|first|instead of)\b/is,
    "pushes itself before other tools",
  ],
  [/\b(system|developer) (prompt|message|instructions?)\b/i, "speaks of the system prompt"],
  [/<\/?(system|important|instructions?|secret|assistant|tool_call)\b[^>]{0,200}>/i, "uses tags that models take for orders"],
  [
    /\b(send|post|upload|forward|include|append|attach|copy)\b.{0,80}\b(api.?key|token|password|credential|secret|private key|\.env|ssh|conversation|history|chat log)\b/is,
    "asks for secrets or for the conversation",
  ],
  [/\b(secretly|silently|covertly|hidden(ly)? from)\b/i, "asks for secrecy"],
];

export function steeringFindings(texts: readonly SteeringText[]): Finding[] {
  return texts.flatMap(({ where, text }) =>
    WORDINGS.filter(([pattern]) => pattern.test(text.slice(0, MAX_LOOK))).map(
      ([, what]): Finding => ({
        capability: "text",
        level: "warning",
        message: `${where} ${what}.`,
        file: where.endsWith(".md") ? where : "plinth.json",
      }),
    ),
  );
}

function collect(value: unknown, where: string, texts: SteeringText[], depth = 0): void {
  if (typeof value === "string") texts.push({ where, text: value });
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
  for (const [key, item] of Object.entries(value)) {
    // Names of parameters and of fields reach models, too.
    if (!Array.isArray(value)) texts.push({ where: `${where}.${key}`, text: key });
    collect(item, Array.isArray(value) ? `${where}[${key}]` : `${where}.${key}`, texts, depth + 1);
  }
}
