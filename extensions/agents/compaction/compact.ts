import { type Context, PlinthError, textOf } from "@plinth/sdk";
import { CHARS_A_TOKEN } from "@plinth/sdk/kits/conversation";
import { audited } from "./audit.ts";
import { cutAt } from "./cut.ts";
import { partsIn } from "./parts.ts";
import type { Item, Request } from "./request.ts";
import { extracted } from "./rules.ts";
import { modelFor, summaryBy, type Written } from "./written.ts";

const NO_MODEL = "no model can be asked";

/**
 * The older part of a conversation as a summary: by its own model, or the one that was set; where that fails, refuses or is not there, by
 * rules. Either is audited: what has to be kept letter by letter stands in it.
 */
export async function* compact(
  ctx: Pick<Context, "use" | "log">,
  request: Request,
  set: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const { history, sessionKey, summaryTokens } = request;
  const cut = cutAt(history, request.keepTokens);
  if (cut === 0) throw new PlinthError("PLINTH_COMPACT_SHORT", "There is nothing to make shorter.", { next: "Start a new conversation." });
  const older = history.slice(0, cut);
  const before = partsIn(textOf(request.before ?? []));
  const maxChars = summaryTokens * CHARS_A_TOKEN;
  const name = set ?? request.model ?? "auto";
  yield { type: "progress", text: `Summing up ${older.length} messages.` };
  const models = name === "none" ? undefined : await modelFor(ctx, name, sessionKey, signal);
  let by: Written = { text: "", usage: undefined, until: { entry: 0, why: NO_MODEL } };
  if (models !== undefined) {
    const writing = summaryBy(models, name, { ...request, history: older }, textOf(request.before ?? []), signal);
    let step = await writing.next();
    for (; !step.done; step = await writing.next()) yield { type: "progress", text: `Summed up ${step.value.done} of ${step.value.total} messages.` };
    by = step.value;
  }
  const { until, usage } = by;
  if (until !== undefined && models !== undefined) {
    ctx.log.warn("A conversation was summed up by rules, because no model did it.", { sessionKey, why: until.why });
    yield { type: "progress", text: `It is summed up by rules: ${until.why}`.slice(0, 500) };
  }
  const done = until?.entry === 0 ? before : { ...before, body: by.text };
  const body = until === undefined ? by.text : extracted(older.slice(until.entry), done, maxChars);
  const text = await audited(body, history, cut, before, maxChars);
  yield {
    type: "summary",
    content: [{ type: "text", text }],
    firstKept: history[cut]?.id ?? null,
    made: until === undefined ? "model" : "rules",
    ...(usage === undefined ? {} : { usage }),
  };
}
