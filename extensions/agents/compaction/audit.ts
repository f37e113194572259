import { asksIn, oneLine } from "./asks.ts";
import { identifiersIn } from "./identifiers.ts";
import { linesOf } from "./lines.ts";
import { Pace } from "./pace.ts";
import { joined, type Parts } from "./parts.ts";
import type { Entry } from "./request.ts";

const MOST_NAMES = 400;
/** A small number says least by itself. */
const PLAIN = /^\d{1,4}$/;
const DIGIT = /^\d$/;

/**
 * A summary with what it must not lose: asks that may be open, and the names, paths, addresses and numbers that it does not have itself,
 * the newest first. What others said is listed as theirs.
 *
 * @param cut what of it is summed up: all before this one
 * @param before what was summed up earlier
 */
export async function audited(body: string, all: readonly Entry[], cut: number, before: Parts, maxChars: number): Promise<string> {
  const history = all.slice(0, cut);
  const asks = [...before.asks];
  const others = [...before.others];
  for (const { who, mark, text } of await asksIn(all, cut)) {
    if (who === "owner") asks.push(text);
    else others.push(oneLine(`${mark} ${text}`));
  }
  const said = [body, ...asks].join("\n");
  const named = new Set<string>();
  const numbers = new Set<string>();
  const add = (text: string): void => {
    for (const one of identifiersIn(text)) {
      if (DIGIT.test(one)) continue;
      const into = PLAIN.test(one) ? numbers : named;
      if (into.size < MOST_NAMES && !said.includes(one)) into.add(one);
    }
  };
  const pace = new Pace();
  for (let at = history.length - 1; at >= 0; at--) {
    for (const { who, text } of linesOf(history[at]!.message)) if (who === "owner" || who === "assistant" || who === "call") add(text);
    await pace.step();
  }
  for (const one of before.named) if (named.size < MOST_NAMES && !said.includes(one)) named.add(one);
  add(before.body);
  const missing = {
    asks: once(asks, body),
    others: once(others, body),
    named: [...named, ...numbers].map((one) => oneLine(one).replaceAll(";", ",")),
  };
  return joined({ body, ...missing }, maxChars);
}

/** Each once, as it was said last. */
const once = (all: readonly string[], body: string): string[] => [...new Set([...all].reverse())].reverse().filter((one) => !body.includes(one));
