import type { ModelInfo, ModelRequest } from "../../extension/index.ts";
import type { Unsupported } from "./support.ts";

/** The least that the protocol takes. */
const LEAST = 1_024;
/** Where it is not known how much a model may think. */
const BUDGET = { min: LEAST, max: 32_000 };
const EFFORTS = ["low", "medium", "high", "xhigh", "max"];
/** The part of the budget for each of them, and for others. */
const SHARES: Readonly<Record<string, number>> = { minimal: 0, low: 0.125, medium: 0.375, high: 0.75, xhigh: 1, max: 1 };

export interface ClaudeThinking {
  /** The request's `thinking`; undefined: the model's own. */
  thinking?: { type: "adaptive" | "enabled" | "disabled"; budget_tokens?: number; display?: "summarized" };
  /** How much effort the whole answer may take. */
  effort?: string;
}

export interface ClaudeThinkingOptions {
  /** How the server is told. Default: as the catalogue has it for the model. */
  way?: "adaptive" | "budget" | "none" | undefined;
  /** It is not asked for a summary of what was thought. */
  noDisplay?: boolean;
  /** The most that the answer may have where the request says it, thinking included. */
  maxTokens?: number | undefined;
}

/**
 * How Claude is told how much to think, whichever protocol it is asked over
 * (https://platform.claude.com/docs/en/build-with-claude/thinking). Newer models take an effort and think as they see fit; older
 * ones take a budget of tokens.
 */
export function claudeThinking(
  { thinking, toolChoice }: ModelRequest,
  model: ModelInfo | undefined,
  unsupported: Pick<Unsupported, "leave">,
  { way, noDisplay, maxTokens }: ClaudeThinkingOptions = {},
): ClaudeThinking {
  if (thinking === undefined) return {};
  const known = model?.thinking;
  if (thinking === "off") {
    if (known?.always) unsupported.leave("thinking", "a request to do without thinking: the model always thinks");
    return known?.always || way === "none" ? {} : { thinking: { type: "disabled" } };
  }
  if (way === "none") {
    unsupported.leave("thinking", "how much to think");
    return {};
  }
  if (typeof toolChoice === "object" || toolChoice === "required") {
    unsupported.leave("thinking", "thinking together with a call that has to be made");
    return {};
  }
  const adaptive = way === undefined ? known?.efforts !== undefined || known?.budget === undefined : way === "adaptive";
  const display = noDisplay ? {} : { display: "summarized" as const };
  if ("effort" in thinking) {
    const { effort } = thinking;
    if (!adaptive) return budgeted(budgetFor(effort, known?.budget ?? BUDGET), known, maxTokens, display, unsupported);
    const efforts = known?.efforts ?? EFFORTS;
    if (!efforts.includes(effort)) {
      unsupported.leave("thinking", `the effort ${JSON.stringify(effort.slice(0, 64))}; it takes ${efforts.join(", ")}`);
      return { thinking: { type: "adaptive", ...display } };
    }
    return { thinking: { type: "adaptive", ...display }, effort };
  }
  if (way === undefined ? known?.efforts !== undefined && known.budget === undefined : way === "adaptive") {
    unsupported.leave("thinking", "a budget of tokens for thinking; it takes an effort");
    return { thinking: { type: "adaptive", ...display } };
  }
  return budgeted(thinking.budgetTokens, known, maxTokens, display, unsupported);
}

const budgetFor = (effort: string, { min, max }: { min: number; max: number }): number => Math.round(min + (max - min) * (SHARES[effort] ?? 0.375));

/** A budget that the server takes: not less than the least, not more than the model may think, and less than the whole answer. */
function budgeted(
  wanted: number,
  known: ModelInfo["thinking"],
  maxTokens: number | undefined,
  display: { display?: "summarized" },
  unsupported: Pick<Unsupported, "leave">,
): ClaudeThinking {
  const most = Math.min(known?.budget?.max ?? Number.POSITIVE_INFINITY, maxTokens === undefined ? Number.POSITIVE_INFINITY : maxTokens - 1);
  if (most < LEAST) {
    unsupported.leave("thinking", `thinking in an answer of at most ${maxTokens} tokens`);
    return {};
  }
  return { thinking: { type: "enabled", budget_tokens: Math.min(Math.max(wanted, LEAST), most), ...display } };
}
