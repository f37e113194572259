/** What becomes of each field that the APIs at /v1 document, as the code decides by it. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { code, table } from "./markdown.mjs";

export async function fieldTables(root) {
  const { CHAT, RESPONSES, MESSAGES } = await import(pathToFileURL(join(root, "extensions/surfaces/openai-http/fates.ts")));
  const of = (fates, wanted) => Object.keys(fates).filter((field) => wanted(fates[field]));
  const listed = (fields) => fields.map(code).join(", ");
  const rows = [
    ["chat completions", CHAT],
    ["responses", RESPONSES],
    ["messages", MESSAGES],
  ].map(([title, fates]) => [title, listed(of(fates, (fate) => fate === true)), listed(of(fates, (fate) => fate === false))]);
  const refused = Object.entries({ "chat completions": CHAT, responses: RESPONSES, messages: MESSAGES }).flatMap(([title, fates]) =>
    of(fates, (fate) => typeof fate === "string").map((field) => [title, code(field), fates[field]]),
  );
  return `${table(["API", "honoured", "named in `x-plinth-ignored`"], rows).trim()}\n\n${table(["API", "refused with 400", "why, and what to do"], refused).trim()}`;
}
