import type { Context, MeteredUsage, Usage, VendorPurpose } from "@plinth/sdk";
import { Meter, type Reading } from "./meter.ts";
import { type PurposeChoice, short } from "./purposes.ts";
import { unbilledPrice } from "./source.ts";

/** Of one token, about. */
const LETTERS = 4;
const DEEPEST = 6;
/** What is no text that anybody reads. */
const PASSED_OVER = new Set(["base64", "url", "endpoint", "model", "mimeType", "type", "artifact"]);
/** What only reads: that it wrote something is not said, and it does not. */
const READS: readonly VendorPurpose[] = ["plinth.embedding", "plinth.rerank"];

/** Has calls of models for other purposes admitted and put on record, as completions are. */
export class PurposeMeter {
  readonly #meter: Meter;
  readonly #purpose: VendorPurpose;

  constructor(ctx: Context, caller: string, purpose: VendorPurpose) {
    this.#meter = new Meter(ctx, caller, new Map());
    this.#purpose = purpose;
  }

  /** @throws PLINTH_SPENDING_LIMIT */
  admitted({ source, model }: PurposeChoice, input: object, signal: AbortSignal): Promise<Reading> {
    const { id: provider, local } = source.data;
    const { price } = (source.info?.(model) ?? {}) as { price?: number };
    // For pictures and films a price is for one of them, and says nothing about tokens.
    const free = unbilledPrice(source, model);
    const priced = this.#purpose === "plinth.embedding" && price !== undefined ? { price: { input: price, output: 0 } } : free ? { price: free } : {};
    const asked = { provider, model, purpose: short(this.#purpose), inputTokens: Math.ceil(lettersIn(input) / LETTERS) };
    return this.#meter.admitted({ ...asked, ...priced, ...(local === undefined ? {} : { local }) }, signal);
  }

  /** As far as tokens and money go. */
  usageOf({ inputTokens, outputTokens, cost }: MeteredUsage): Partial<Usage> {
    const written = outputTokens ?? (READS.includes(this.#purpose) ? 0 : undefined);
    return {
      ...(inputTokens === undefined || written === undefined ? {} : { inputTokens, outputTokens: written }),
      ...(cost === undefined ? {} : { cost }),
    };
  }
}

function lettersIn(value: unknown, depth = 0): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || depth > DEEPEST) return 0;
  let sum = 0;
  for (const [name, one] of Object.entries(value)) if (Array.isArray(value) || !PASSED_OVER.has(name)) sum += lettersIn(one, depth + 1);
  return sum;
}
