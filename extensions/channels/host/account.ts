import { type Context, type ErrorInfo, errorInfo, type Sender } from "@plinth/sdk";
import { backoffMs } from "@plinth/sdk/kits/channel";
import type { ChannelClient, Provider } from "./provider.ts";

export type AccountState = "connecting" | "connected" | "waiting" | "quarantined" | "stopped";

export interface AccountStatus {
  state: AccountState;
  since: number;
  error?: ErrorInfo;
  /** When it is tried again. */
  retryAt?: number;
  self?: Sender;
}

const HEALTH_MS = 30_000;
/** A connection that held for so long was a good one: the next pause is short again. */
const STABLE_MS = 30_000;
const ASKED_TO_WAIT = new Set(["PLINTH_CHANNEL_AUTH"]);

/** One account of one channel: connected, or on its way there with growing pauses, or left alone until an owner acts. */
export class Account {
  readonly provider: Provider;
  readonly account: string;
  readonly #ctx: Context;
  readonly #client: ChannelClient;
  readonly #connected: () => void;
  #status: AccountStatus;
  #attempt = 0;
  /** What an earlier connection still tells does not count. */
  #epoch = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param connected called each time it has come up. */
  constructor(ctx: Context, provider: Provider, account: string, connected: () => void) {
    this.#ctx = ctx;
    this.provider = provider;
    this.account = account;
    this.#client = ctx.use("plinth.channel").get(provider.id);
    this.#connected = connected;
    this.#status = { state: "stopped", since: ctx.clock.now() };
  }

  get status(): AccountStatus {
    return { ...this.#status };
  }

  start(): void {
    this.#attempt = 0;
    this.#connect();
  }

  /** Resolves when nothing of it is in flight; a channel that does not answer is left. */
  async stop(): Promise<void> {
    const wasOn = this.#status.state !== "stopped";
    this.#epoch++;
    clearTimeout(this.#timer);
    this.#is("stopped");
    if (!wasOn) return;
    await this.#asHost(() => this.#client.disconnect({ account: this.account })).catch((error) => this.#warn("did not disconnect", error));
  }

  /** The channel says so itself, at once. */
  reported(state: "connected" | "down", error: ErrorInfo | undefined): void {
    if (this.#status.state === "stopped" || this.#status.state === "quarantined") return;
    if (state === "connected" && this.#status.state !== "connected") this.#up(this.#status.self);
    if (state === "down" && this.#status.state === "connected")
      this.#down(error ?? { code: "PLINTH_CHANNEL_DOWN", message: "The connection went down." });
  }

  #connect(): void {
    const epoch = ++this.#epoch;
    clearTimeout(this.#timer);
    this.#is("connecting");
    void this.#asHost(() => this.#client.connect({ account: this.account })).then(
      ({ self }) => {
        if (epoch === this.#epoch && this.#status.state === "connecting") this.#up(self);
      },
      (thrown: unknown) => {
        if (epoch === this.#epoch) this.#down(errorInfo(thrown));
      },
    );
  }

  #up(self: Sender | undefined): void {
    this.#is("connected", self === undefined ? {} : { self });
    clearTimeout(this.#timer);
    this.#watch(this.#epoch);
    this.#connected();
  }

  #down(error: ErrorInfo): void {
    this.#epoch++;
    clearTimeout(this.#timer);
    const { state, since } = this.#status;
    if (ASKED_TO_WAIT.has(error.code)) {
      this.#warn("is refused and left alone until an owner starts it", error);
      return this.#is("quarantined", { error });
    }
    if (state === "connected" && this.#ctx.clock.now() - since > STABLE_MS) this.#attempt = 0;
    const pause = backoffMs(++this.#attempt, Math.random());
    this.#warn(`is not connected; tried again in ${Math.round(pause / 1_000)} s`, error);
    this.#is("waiting", { error, retryAt: this.#ctx.clock.now() + pause });
    this.#timer = setTimeout(() => this.#connect(), pause).unref();
  }

  /** For what breaks without a word. */
  #watch(epoch: number): void {
    this.#timer = setTimeout(async () => {
      const health = await this.#asHost(() => this.#client.health({ account: this.account })).catch((thrown: unknown) => errorInfo(thrown));
      if (epoch !== this.#epoch) return;
      if ("code" in health) this.#down(health);
      else if (health.state === "down") this.#down({ code: "PLINTH_CHANNEL_DOWN", message: health.detail ?? "The connection went down." });
      else this.#watch(epoch);
    }, HEALTH_MS).unref();
  }

  #is(state: AccountState, more: Partial<AccountStatus> = {}): void {
    this.#status = { state, since: this.#ctx.clock.now(), ...more };
  }

  /** Nobody's work: what a channel starts there must not find anybody's rights around it. */
  #asHost<T>(body: () => Promise<T>): Promise<T> {
    return this.#ctx.work({ role: "guest", via: "channels" }, body);
  }

  #warn(what: string, error: unknown): void {
    if (this.#ctx.signal.aborted) return;
    const { code, message } = errorInfo(error);
    this.#ctx.log.warn(`The account ${this.account} of ${this.provider.id} ${what}.`, { extension: this.provider.extension, code, message });
  }
}
