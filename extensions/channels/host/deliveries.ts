import { type Context, errorInfo, type Receipt } from "@plinth/sdk";
import { paceMs, sendOutcome } from "@plinth/sdk/kits/channel";
import type { Accounts } from "./accounts.ts";
import type { Book, Delivery } from "./book.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import type { Provider } from "./provider.ts";

/** Sends what is to be sent, in each conversation in its order, as fast as the channel allows. */
export class Deliveries {
  readonly #ctx: Context;
  readonly #book: Book;
  readonly #accounts: Accounts;
  readonly #conversations: OneAtATime;
  readonly #lastOf = new Map<string, number>();

  constructor(ctx: Context, book: Book, accounts: Accounts) {
    this.#ctx = ctx;
    this.#book = book;
    this.#accounts = accounts;
    this.#conversations = new OneAtATime((conversation) =>
      this.#run(conversation).catch((error) => ctx.log.error("A message could not be sent.", { conversation, ...errorInfo(error) })),
    );
  }

  start(): void {
    this.#conversations.start();
  }

  /** Something is to be sent there, or can be again. */
  kick(conversation: string): void {
    this.#conversations.kick(conversation);
  }

  /** What is being sent is waited for; the rest stays for the next start. */
  stop(): Promise<void> {
    return this.#conversations.stop();
  }

  async #run(conversation: string): Promise<void> {
    for (;;) {
      const next = this.#book.next(conversation);
      if (next === undefined || !this.#conversations.isOn) return;
      const { channel, account } = next;
      const provider = this.#accounts.provider(channel);
      // It goes on when the account is connected.
      if (provider === undefined || !this.#accounts.isConnected(channel, account)) return;
      const pause = this.#pause(provider, next);
      if (pause > 0) return this.#conversations.later(conversation, pause);
      const wait = await this.#send(provider, next);
      if (wait !== undefined) return this.#conversations.later(conversation, wait);
    }
  }

  /** undefined: it is settled; else how long to wait before it is tried again. */
  async #send(provider: Provider, delivery: Delivery): Promise<number | undefined> {
    this.#book.sending(delivery);
    const now = this.#ctx.clock.now();
    if (this.#lastOf.size > MOST_REMEMBERED) this.#lastOf.clear();
    this.#lastOf.set(delivery.conversation, now);
    this.#lastOf.set(accountOf(delivery), now);
    let receipt: Receipt | undefined;
    let failure: { code: string; message: string; retryAfterMs?: number | undefined; permanent?: boolean };
    try {
      receipt = await this.#ctx.work({ role: "guest", via: "channels" }, () =>
        this.#ctx.use("plinth.channel").get(provider.id).send(delivery.message),
      );
      if (receipt.status !== "failed") {
        const state = receipt.status === "unknown" ? "unknown" : "sent";
        if (receipt.status === "partial") this.#tell(delivery, receipt.failed?.code ?? "", "only a part of it arrived");
        this.#book.settled(delivery, state, receipt, receipt.failed?.message);
        return undefined;
      }
      failure = receipt.failed ?? { code: "PLINTH_CHANNEL_DOWN", message: "It was not sent." };
    } catch (thrown) {
      failure = errorInfo(thrown);
    }
    const { idempotent } = provider.descriptor;
    const outcome = failure.permanent === true ? { do: "fail" as const } : sendOutcome(failure, delivery.tries + 1, idempotent, Math.random());
    const error = `${failure.code}: ${failure.message}`;
    if (outcome.do === "retry") {
      this.#book.again(delivery, error);
      return outcome.afterMs;
    }
    this.#book.settled(delivery, outcome.do === "fail" ? "failed" : "unknown", receipt, error);
    this.#tell(delivery, failure.code, outcome.do === "fail" ? "it was given up" : "it may have arrived, and is not sent again");
    return undefined;
  }

  #tell({ channel, account, key }: Delivery, code: string, what: string): void {
    this.#ctx.log.warn(`A message of ${channel} was not delivered as it should: ${what}.`, { account, key, code });
    void this.#ctx.hooks.fire("delivery.failed", { channel, account, key, code, what }).catch(() => {});
  }

  #pause({ descriptor: { limits } }: Provider, delivery: Delivery): number {
    const now = this.#ctx.clock.now();
    return Math.max(
      paceMs(this.#lastOf.get(delivery.conversation), limits.perPeerPerSecond, now),
      paceMs(this.#lastOf.get(accountOf(delivery)), limits.perSecond, now),
    );
  }
}

/** Times of last messages; forgetting them costs a service a little haste. */
const MOST_REMEMBERED = 10_000;

const accountOf = ({ channel, account }: Delivery): string => `${channel}/${account}`;
