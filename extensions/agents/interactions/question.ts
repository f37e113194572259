import { createHash } from "node:crypto";
import { type Client, canonicalJson, type InteractionField, type InteractionQuestion, PlinthError, visible } from "@plinth/sdk";
import { chosen, fieldsOf, fitted, textSchema, typed } from "./form.ts";
import { newId } from "./request.ts";

type Asked = Parameters<Client<"plinth.interaction">["ask"]>[0];
export type AskedQuestion = Exclude<Asked, { kind: "approval" }>;
type Options = InteractionQuestion["options"];

/** A question as everybody sees it, and the schema that its values have to fit. */
export interface Posed {
  request: InteractionQuestion;
  schema: Record<string, unknown>;
}

/** Of all values of an answer, as JSON. */
export const MAX_VALUES = 32_768;

/** @param from whose words it is. */
export function posed(asked: AskedQuestion, from: string, askedBy: string, now: number, expiryMs: number): Posed {
  const { kind, sessionKey, runId, agent, tool, expiresAt } = asked;
  const schema = schemaOf(asked);
  const shown = {
    kind,
    from: fitted(from, 256),
    ...(tool === undefined ? {} : { tool: fitted(tool, 256) }),
    title: fitted(asked.title, 200),
    message: visible(asked.message, { lines: true, max: 3_900 }).slice(0, 4_000).toWellFormed(),
    options: optionsOf(asked),
    fields: fieldsFor(asked, schema),
    ...(asked.kind === "url" ? { url: checkedUrl(asked.url) } : {}),
  };
  const digest = createHash("sha256").update(canonicalJson(shown)).digest("hex");
  const request: InteractionQuestion = {
    ...shown,
    sessionKey,
    runId,
    ...(agent === undefined ? {} : { agent }),
    digest,
    id: newId(),
    askedBy,
    askedAt: now,
    expiresAt: Math.max(now, Math.min(expiresAt ?? Number.POSITIVE_INFINITY, now + expiryMs)),
  };
  return { request, schema };
}

function schemaOf(asked: AskedQuestion): Record<string, unknown> {
  if (asked.kind === "form") return asked.schema;
  return asked.kind === "text" || asked.kind === "secret" ? textSchema() : { type: "object" };
}

function optionsOf(asked: AskedQuestion): Options {
  switch (asked.kind) {
    case "choice":
      if (new Set(asked.choices.map(({ id }) => id)).size !== asked.choices.length) throw invalid("An option is offered twice.", "Offer each once.");
      return asked.choices.map(({ id, label }) => ({ id, label: fitted(label, 200), style: "normal" }));
    case "confirm":
      return [
        { id: "yes", label: "Yes", style: "primary" },
        { id: "no", label: "No", style: "normal" },
      ];
    case "url":
      return [{ id: "done", label: "I have done it", style: "primary" }];
    default:
      return [];
  }
}

function fieldsFor(asked: AskedQuestion, schema: Record<string, unknown>): InteractionField[] {
  switch (asked.kind) {
    case "form":
      return fieldsOf(schema);
    case "text":
      return [{ name: "text", title: "Your answer", type: "text", required: true, ...(asked.long ? { long: true } : {}) }];
    case "secret":
      return [{ name: "text", title: "Not shown, and kept nowhere here", type: "secret", required: true }];
    default:
      return [];
  }
}

/** What a person sees of an address is where it leads. */
function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol) && url.username === "" && url.password === "") return url.href.slice(0, 8_192);
  throw invalid("The address is none that a person can be sent to.", "Give an http or https address without a name in it.");
}

/**
 * What somebody typed into a conversation or a shell, as an answer: an option by number, id or label; the one field's
 * text; or `name=value` for each field of a form.
 */
export function answerOf(
  { id, options, fields }: InteractionQuestion,
  words: readonly string[],
): { option: string } | { values: Record<string, unknown> } {
  const said = words.join(" ").trim();
  if (options.length > 0) {
    const option = chosen(options, said);
    if (option !== undefined) return { option };
    throw misread(`${id} cannot be answered with that.`, `It offers: ${options.map(({ label }, at) => `${at + 1} (${label})`).join(", ")}.`);
  }
  const [only] = fields;
  if (fields.length === 1 && only !== undefined && !said.startsWith(`${only.name}=`)) return { values: { [only.name]: typed(only, said) } };
  const values: [string, unknown][] = [];
  for (const word of words) {
    const at = word.indexOf("=");
    const field = fields.find(({ name }) => name === word.slice(0, at));
    if (at < 1 || field === undefined) {
      throw misread(`${id} has no field ${JSON.stringify(word.slice(0, 60))}.`, `Say ${fields.map(({ name }) => `${name}=…`).join(" ")}.`);
    }
    values.push([field.name, typed(field, word.slice(at + 1))]);
  }
  return { values: Object.fromEntries(values) };
}

const misread = (message: string, next: string): PlinthError => new PlinthError("PLINTH_INTERACTION_VALUES", message, { next });

function invalid(message: string, next: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_INVALID", message, { next });
}
