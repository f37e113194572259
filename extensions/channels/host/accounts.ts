import { type Context, errorInfo } from "@plinth/sdk";
import { Account, type AccountStatus } from "./account.ts";
import type { Database } from "./database.ts";
import { type Provider, readProviders } from "./provider.ts";

const DEFAULT = "default";

export interface ChannelStatus {
  channel: string;
  title: string;
  extension: string;
  account: string;
  state: AccountStatus["state"] | "unconfigured" | "idle";
  /** What has to be set first. */
  missing?: readonly string[];
  since?: number;
  error?: AccountStatus["error"];
  retryAt?: number;
  self?: AccountStatus["self"];
}

/** Every account that is configured, kept in the state that the operator wants it in. */
export class Accounts {
  readonly #ctx: Context;
  readonly #db: Database;
  readonly #connected: (account: Account) => void;
  readonly #accounts = new Map<string, Account>();
  #providers: Provider[] = [];
  #isOn = false;
  #settling: Promise<void> = Promise.resolve();

  constructor(ctx: Context, db: Database, connected: (account: Account) => void) {
    this.#ctx = ctx;
    this.#db = db;
    this.#connected = connected;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  provider(channel: string): Provider | undefined {
    return this.#providers.find(({ id }) => id === channel);
  }

  account(channel: string, account: string): Account | undefined {
    return this.#accounts.get(keyOf(channel, account));
  }

  isConnected(channel: string, account: string): boolean {
    return this.account(channel, account)?.status.state === "connected";
  }

  /** @param changed extensions whose connections are gone because they were replaced or removed. */
  settle(changed: readonly string[] = []): Promise<void> {
    this.#settling = this.#settling
      .then(() => this.#settle(new Set(changed)))
      .catch((error) => this.#ctx.log.error("Channels could not be read.", { ...errorInfo(error) }));
    return this.#settling;
  }

  start(): Promise<void> {
    this.#isOn = true;
    return this.settle();
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#settling;
    await Promise.all([...this.#accounts.values()].map((one) => one.stop()));
    this.#accounts.clear();
  }

  /** The operator starts it, also after it was quarantined, or stops it; either is remembered. */
  async want(channel: string, account: string | undefined, isWanted: boolean): Promise<void> {
    const names = account === undefined ? this.#namesOf(channel) : [account];
    for (const name of names) {
      const key = keyOf(channel, name);
      if (isWanted) this.#db.run("DELETE FROM stopped WHERE account = ?", key);
      else this.#db.run("INSERT OR IGNORE INTO stopped VALUES (?)", key);
      const held = this.#accounts.get(key);
      await held?.stop();
      if (isWanted && this.#isOn) held?.start();
    }
    await this.settle();
  }

  async statuses(): Promise<ChannelStatus[]> {
    await this.refresh();
    return this.#providers.flatMap(({ id, extension, descriptor, missing }): ChannelStatus[] => {
      const base = { channel: id, title: descriptor.title, extension };
      const held = [...this.#accounts.values()].filter(({ provider }) => provider.id === id);
      if (held.length > 0) return held.map((one) => ({ ...base, account: one.account, ...one.status }));
      if (missing.length > 0) return [{ ...base, account: DEFAULT, state: "unconfigured", missing }];
      return this.#namesOf(id).map((account) => ({
        ...base,
        account,
        state: this.#isStopped(id, account) ? "stopped" : "idle",
      }));
    });
  }

  async refresh(): Promise<void> {
    this.#providers = await this.#ctx.work({ role: "guest", via: "channels" }, () => readProviders(this.#ctx));
  }

  async #settle(changed: ReadonlySet<string>): Promise<void> {
    await this.refresh();
    if (!this.#isOn) return;
    const wanted = new Map<string, { provider: Provider; account: string }>();
    for (const provider of this.#providers.filter(({ missing }) => missing.length === 0))
      for (const account of await this.#read(provider))
        if (!this.#isStopped(provider.id, account)) wanted.set(keyOf(provider.id, account), { provider, account });
    for (const [key, held] of this.#accounts) {
      const next = wanted.get(key);
      if (next !== undefined && !changed.has(held.provider.extension) && next.provider.extension === held.provider.extension) continue;
      this.#accounts.delete(key);
      await held.stop();
    }
    for (const [key, { provider, account }] of wanted) {
      if (this.#accounts.has(key) || !this.#isOn) continue;
      const made: Account = new Account(this.#ctx, provider, account, () => this.#connected(made));
      this.#accounts.set(key, made);
      made.start();
    }
  }

  async #read({ id, descriptor }: Provider): Promise<string[]> {
    if (descriptor.accounts !== "many") return [DEFAULT];
    try {
      const { accounts } = await this.#ctx.work({ role: "guest", via: "channels" }, () => this.#ctx.use("plinth.channel").get(id).accounts({}));
      return accounts.map((one) => one.id);
    } catch (error) {
      this.#ctx.log.warn(`The accounts of ${id} cannot be read.`, { ...errorInfo(error) });
      return [];
    }
  }

  #namesOf(channel: string): string[] {
    const held = [...this.#accounts.values()].filter(({ provider }) => provider.id === channel).map(({ account }) => account);
    return held.length > 0 ? held : [DEFAULT];
  }

  #isStopped(channel: string, account: string): boolean {
    return this.#db.get("SELECT 1 FROM stopped WHERE account = ?", keyOf(channel, account)) !== undefined;
  }
}

export const keyOf = (channel: string, account: string): string => `${channel}/${account}`;
