import type { Usage } from "@plinth/sdk";

const COUNTS = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"] as const;

/** What an answer took. A stream says it twice: what comes later stands, where it says anything. */
export class UsageCount {
  readonly #counts = new Map<(typeof COUNTS)[number], number>();
  #thinking: number | undefined;
  #tools: Record<string, number> | undefined;

  add(wire: unknown): void {
    const said = (wire ?? {}) as Record<string, unknown>;
    for (const name of COUNTS) {
      const count = countOf(said[name]);
      if (count !== undefined) this.#counts.set(name, count);
    }
    this.#thinking = countOf((said.output_tokens_details as Record<string, unknown> | null | undefined)?.thinking_tokens) ?? this.#thinking;
    const tools = Object.entries((said.server_tool_use ?? {}) as object).flatMap(([name, value]) => {
      const count = countOf(value);
      return count === undefined || count === 0 ? [] : [[name.replace(/_requests$/, "").slice(0, 64), count] as const];
    });
    if (tools.length > 0) this.#tools = Object.fromEntries(tools);
  }

  /** undefined: the server did not say both what was read and what was written. `input_tokens` are those that no cache had to do with. */
  get usage(): Usage | undefined {
    const input = this.#counts.get("input_tokens");
    const output = this.#counts.get("output_tokens");
    if (input === undefined || output === undefined) return undefined;
    const read = this.#counts.get("cache_read_input_tokens");
    const written = this.#counts.get("cache_creation_input_tokens");
    return {
      inputTokens: input + (read ?? 0) + (written ?? 0),
      outputTokens: output,
      ...(read === undefined ? {} : { cacheReadTokens: read }),
      ...(written === undefined ? {} : { cacheWriteTokens: written }),
      ...(this.#thinking === undefined ? {} : { reasoningTokens: this.#thinking }),
      ...(this.#tools === undefined ? {} : { serverTools: this.#tools }),
    };
  }
}

const countOf = (value: unknown): number | undefined => (typeof value === "number" && value >= 0 && value < 2 ** 53 ? Math.floor(value) : undefined);
