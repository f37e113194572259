import { randomUUID } from "node:crypto";
import { type Context, errorInfo, type InboundItem, type InteractionRequest, type Principal } from "@plinth/sdk";
import type { Standing } from "@plinth/sdk/kits/channel";
import type { Provider } from "./provider.ts";
import { routeOf } from "./turn.ts";
import { isCommand, wordsOf } from "./words.ts";

interface Shown {
  id: string;
  count: number;
}

/**
 * What is answered at once, while a turn of its conversation waits: commands that go beside a turn, and the number of a
 * choice that its owner was shown there.
 */
export class Aside {
  readonly #ctx: Context;
  readonly #shown = new Map<string, Shown>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** The owner was shown numbers there. */
  asked(conversation: string, { id, kind, options }: InteractionRequest): void {
    if (kind !== "approval" && options.length > 0) this.#shown.set(conversation, { id, count: options.length });
  }

  answered(conversation: string, { id }: InteractionRequest): void {
    if (this.#shown.get(conversation)?.id === id) this.#shown.delete(conversation);
  }

  /** Nothing waits there any more. */
  over(conversation: string): void {
    this.#shown.delete(conversation);
  }

  /** The command that an item comes to; undefined: it takes its turn like any other. */
  async commandIn(item: InboundItem, conversation: string, provider: Provider, standing: Standing): Promise<string | undefined> {
    const words = wordsOf(item, [])?.trim() ?? "";
    const shown = this.#shown.get(conversation);
    // Whoever carries a number could make one up: what a third party carries answers nothing.
    if (shown !== undefined && provider.trusted && standing === "owner" && /^\d{1,2}$/.test(words)) {
      const number = Number(words);
      if (number >= 1 && number <= shown.count) return `/answer ${shown.id} ${number}`;
    }
    if (!isCommand(words)) return undefined;
    const name = /^\/([a-z][a-z0-9-]*)/i.exec(words)?.[1]?.toLowerCase();
    const commands = await this.#ctx.use("plinth.chat-command").list();
    return commands.some(({ descriptor }) => descriptor.beside === true && descriptor.name === name) ? words : undefined;
  }

  /** Run it as its sender's; resolves to what is said. */
  async run(text: string, item: InboundItem, provider: Provider, principal: Principal): Promise<string> {
    const ctx = this.#ctx;
    return ctx.work(principal, async () => {
      if (!provider.trusted) await ctx.lower(provider.extension, `brought it in as ${provider.id}`);
      const from = { surface: item.address.channel, sender: item.sender?.id ?? "" };
      const events = ctx.use("plinth.turns").one();
      try {
        const sessionKey = await routeOf(ctx, item, ctx.signal);
        if (sessionKey === undefined) return "";
        for await (const event of events.submit({ text, sessionKey, runId: randomUUID(), ...from })) {
          if (event.type !== "end") continue;
          const { message = "", next = "" } = event.error ?? {};
          return event.status === "ok" ? event.text : `${message} ${next}`.trim();
        }
      } catch (error) {
        const { message, next = "" } = errorInfo(error);
        return `${message} ${next}`.trim();
      }
      return "";
    });
  }
}
