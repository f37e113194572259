import { type Call, type Context, errorInfo, type Provider } from "@plinth/sdk";
import { menuOf } from "@plinth/sdk/kits/channel";
import type { Account } from "./account.ts";
import { Accounts, type ChannelStatus } from "./accounts.ts";
import { Aside } from "./aside.ts";
import { Book } from "./book.ts";
import { Conversations } from "./conversations.ts";
import { Database } from "./database.ts";
import { Deliveries } from "./deliveries.ts";
import { Intake } from "./intake.ts";
import { People } from "./people.ts";

const SWEEP_MS = 3_600_000;

export type Status = ChannelStatus & ReturnType<Book["counts"]>;

/** Everything about channels: accounts, what comes in, conversations, what goes out. */
export class Channels {
  readonly people: People;
  readonly accounts: Accounts;
  readonly inbox: Provider<"plinth.inbox">;
  readonly #ctx: Context;
  readonly #db: Database;
  readonly #book: Book;
  readonly #deliveries: Deliveries;
  readonly #conversations: Conversations;
  readonly #recovered = new Set<string>();
  #sweeper: NodeJS.Timeout | undefined;

  constructor(ctx: Context) {
    const now = (): number => ctx.clock.now();
    this.#ctx = ctx;
    this.#db = new Database(ctx.dataDir);
    this.#book = new Book(this.#db, now);
    this.people = new People(this.#db, now);
    this.accounts = new Accounts(ctx, this.#db, (account) => this.#connected(account));
    this.#deliveries = new Deliveries(ctx, this.#book, this.accounts);
    const { people, accounts } = this;
    const parts = { ctx, book: this.#book, people, accounts, deliveries: this.#deliveries, aside: new Aside(ctx) };
    this.#conversations = new Conversations({ ...parts, commands: () => this.#commandNames() });
    const intake = new Intake({ ...parts, kick: (conversation) => this.#conversations.kick(conversation) });
    this.inbox = {
      deliver: ({ item }, call: Call) => intake.deliver(item, call),
      report: (input, call: Call) => intake.report(input, call),
    };
  }

  async start(): Promise<void> {
    if (this.accounts.isOn) return;
    this.#deliveries.start();
    this.#conversations.start();
    this.#book.sweep();
    this.#sweeper = setInterval(() => this.#book.sweep(), SWEEP_MS).unref();
    await this.accounts.start();
    for (const conversation of this.#book.unfinished()) this.#conversations.kick(conversation);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    await this.#conversations.stop();
    await this.#deliveries.stop();
    await this.accounts.stop();
  }

  async close(): Promise<void> {
    await this.stop();
    this.#db.close();
  }

  async status(): Promise<Status[]> {
    return (await this.accounts.statuses()).map((one) => ({ ...one, ...this.#book.counts(one.channel, one.account) }));
  }

  /** What waited for this connection goes on. */
  #connected({ provider, account }: Account): void {
    const { id, descriptor } = provider;
    if (!this.#recovered.has(id)) {
      this.#recovered.add(id);
      this.#book.recover(id, descriptor.idempotent);
    }
    for (const conversation of this.#book.unfinished()) {
      this.#deliveries.kick(conversation);
      this.#conversations.kick(conversation);
    }
    if (descriptor.can?.includes("commands") === true) void this.#tellCommands(id, account);
  }

  /** Anybody may see a service's menu: it has what anybody may run. */
  async #tellCommands(channel: string, account: string): Promise<void> {
    try {
      await this.#ctx.work({ role: "guest", via: "channels" }, async () => {
        const all = await this.#ctx.use("plinth.chat-command").list();
        const commands = menuOf(all.map(({ descriptor }) => descriptor).filter(({ role }) => role === "anyone"));
        await this.#ctx.use("plinth.channel").get(channel).setCommands({ account, commands });
      });
    } catch (error) {
      this.#ctx.log.warn(`The menu of ${channel} could not be set.`, { account, ...errorInfo(error) });
    }
  }

  async #commandNames(): Promise<string[]> {
    return (await this.#ctx.use("plinth.chat-command").list()).map(({ descriptor }) => descriptor.name);
  }
}
