import type { ModelRequest } from "@plinth/sdk";
import type { Unsupported } from "@plinth/sdk/kits/model-api";
import type { Quirks } from "./quirks.ts";

type Thinking = NonNullable<ModelRequest["thinking"]>;

/** How much to think, in the server's words. */
export function thinkingFields({ thinking }: ModelRequest, unsupported: Unsupported, { thinking: form }: Quirks): object {
  if (thinking === undefined) return {};
  const fields = FORMS[form](thinking);
  if (fields !== undefined) return fields;
  const budget = thinking !== "off" && "budgetTokens" in thinking;
  unsupported.leave("thinking", budget ? "a budget of tokens for thinking" : "a word on how much to think");
  return {};
}

const FORMS: Readonly<Record<Quirks["thinking"], (thinking: Thinking) => object | undefined>> = {
  effort(thinking) {
    if (thinking === "off") return { reasoning_effort: "none" };
    return "effort" in thinking ? { reasoning_effort: thinking.effort } : undefined;
  },
  // https://openrouter.ai/docs/use-cases/reasoning-tokens
  reasoning(thinking) {
    if (thinking === "off") return { reasoning: { enabled: false } };
    return { reasoning: "effort" in thinking ? { effort: thinking.effort } : { max_tokens: thinking.budgetTokens } };
  },
  // https://api-docs.deepseek.com, https://docs.z.ai: on or off.
  thinking(thinking) {
    if (thinking === "off") return { thinking: { type: "disabled" } };
    return "effort" in thinking ? { thinking: { type: "enabled" } } : undefined;
  },
  // https://www.alibabacloud.com/help/en/model-studio/deep-thinking
  enable_thinking(thinking) {
    if (thinking === "off") return { enable_thinking: false };
    return { enable_thinking: true, ...("budgetTokens" in thinking ? { thinking_budget: thinking.budgetTokens } : {}) };
  },
  // https://docs.vllm.ai/en/latest/features/reasoning_outputs.html
  chat_template(thinking) {
    if (thinking !== "off" && "budgetTokens" in thinking) return undefined;
    return { chat_template_kwargs: { enable_thinking: thinking !== "off" } };
  },
  none: () => undefined,
};
