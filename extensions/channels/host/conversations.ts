import { type Address, type ContentPart, type Context, errorInfo, type InboundItem, type OutboundMessage, type Principal } from "@plinth/sdk";
import { addressText, BURST, type Standing, takeBurst } from "@plinth/sdk/kits/channel";
import type { Accounts } from "./accounts.ts";
import type { Aside } from "./aside.ts";
import type { Book, OpenItem } from "./book.ts";
import { askedMessage } from "./buttons.ts";
import type { Deliveries } from "./deliveries.ts";
import { piecesOf } from "./dialect.ts";
import { mediaIn, mediaOut } from "./media.ts";
import { OneAtATime } from "./one-at-a-time.ts";
import { type People, senderText } from "./people.ts";
import { policyOf } from "./policy.ts";
import type { Provider } from "./provider.ts";
import { type End, type Interaction, isCutOff, routeOf, runIdOf, runTurn, usedTools } from "./turn.ts";
import { isCommand, othersIn, together } from "./words.ts";

const TYPING_MS = 4_000;
const TRIES = 3;

const CUT_OFF = "I was interrupted before I could answer this. Send it again if you still want an answer.";
const FAILED = "I could not answer that.";

export interface Parts {
  ctx: Context;
  book: Book;
  people: People;
  accounts: Accounts;
  deliveries: Deliveries;
  aside: Aside;
  /** Names of the slash commands there are. */
  commands(): Promise<string[]>;
}

/** Takes what waits in each conversation to its answer, one turn after the other; the answer is kept before it is sent. */
export class Conversations {
  readonly #parts: Parts;
  readonly #conversations: OneAtATime;
  #stop = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#conversations = new OneAtATime((conversation) =>
      this.#run(conversation).catch((error) => {
        if (!this.#stop.signal.aborted) parts.ctx.log.error("A conversation could not go on.", { conversation, ...errorInfo(error) });
      }),
    );
  }

  start(): void {
    this.#stop = new AbortController();
    this.#conversations.start();
  }

  kick(conversation: string): void {
    this.#conversations.kick(conversation);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#conversations.stop();
  }

  async #run(conversation: string): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const open = this.#parts.book.open(conversation);
      const [first] = open;
      if (first === undefined) return;
      // What an earlier process began goes on as it was taken together then.
      const batch = first.run === undefined ? this.#burst(open) : open.filter(({ run }) => run === first.run);
      if (typeof batch === "number") return this.#conversations.later(conversation, batch);
      if (!(await this.#answer(conversation, batch))) return;
    }
  }

  /** What is one message now; or how long to wait. */
  #burst(open: readonly OpenItem[]): OpenItem[] | number {
    const { ctx } = this.#parts;
    const fresh = open.filter(({ run }) => run === undefined);
    const quietMs = policyOf(ctx, fresh[0]?.channel ?? "").burstMs;
    const waiting = fresh.map(({ item, at }) => ({
      at,
      from: item.sender?.id ?? "",
      alone: item.kind !== "message" || isCommand(together([item], [])),
    }));
    const { take, waitMs } = takeBurst(waiting, ctx.clock.now(), { ...BURST, quietMs });
    return take === 0 ? Math.max(1, waitMs) : fresh.slice(0, take);
  }

  /** False: it cannot go on now. */
  async #answer(conversation: string, batch: readonly OpenItem[]): Promise<boolean> {
    const { ctx, book, people, accounts, deliveries, aside } = this.#parts;
    const [first] = batch as [OpenItem];
    const { channel, account, item } = first;
    const provider = accounts.provider(channel);
    if (provider === undefined) return false;
    const standing = people.standing(senderText(item));
    const items = batch.map((one) => one.item);
    const text = together(items, await this.#parts.commands());
    const wasBegun = first.run !== undefined;
    const runId = first.run ?? runIdOf(channel, account, first.event);
    let replies: OutboundMessage[];
    // A command has no record of how far it came: it is not run twice.
    if (wasBegun && isCommand(text)) replies = await this.#said(provider, item.address, runId, CUT_OFF);
    else {
      const sessionKey = first.session ?? (await this.#as(provider, items, standing, () => routeOf(ctx, item, this.#stop.signal)));
      if (sessionKey === undefined) {
        book.finish(batch, conversation, []);
        return true;
      }
      if (!wasBegun) book.begin(batch, runId, sessionKey);
      const content = async (): Promise<ContentPart[] | undefined> => {
        if (isCommand(text)) return undefined;
        const media = await mediaIn(ctx, provider, items, sessionKey, (body) => this.#asHost(body));
        return media.length === 0 ? undefined : [{ type: "text", text }, ...media];
      };
      const asked = { text, content, sessionKey, runId, channel, sender: item.sender?.id ?? "", kind: item.address.peer.kind };
      const end = await this.#typing(provider, item.address, () =>
        this.#as(provider, items, standing, () =>
          runTurn(ctx, asked, this.#stop.signal, (step) => this.#ask(conversation, provider, item.address, standing, step)),
        ),
      );
      aside.over(conversation);
      if (isCutOff(end)) {
        // Its host is stopping: the next one sees to it.
        if (ctx.signal.aborted || this.#stop.signal.aborted || (end.error?.code === "PLINTH_STOPPING" && !wasBegun)) return false;
        if (first.tries < TRIES && !(await this.#asHost(() => usedTools(ctx, sessionKey, runId)))) {
          book.begin(batch, `${runId.slice(0, 43)}-${first.tries + 1}`, sessionKey);
          return true;
        }
      }
      const { messages, instead } = mediaOut(provider, item.address, runId, end.status === "ok" ? end.content : []);
      const said = [answerOf(end, standing), ...instead].filter((one) => one !== "").join("\n\n");
      replies = [...(await this.#said(provider, item.address, runId, said)), ...messages];
    }
    book.finish(batch, conversation, replies);
    deliveries.kick(conversation);
    return true;
  }

  /**
   * With whose authority a message is answered. A channel says who wrote it; whether that is the owner, only the owner has
   * said, and a third party's channel stays a party to it; so does whoever is quoted or was forwarded.
   */
  #as<T>(provider: Provider, items: readonly InboundItem[], standing: Standing, body: () => Promise<T>): Promise<T> {
    const { ctx } = this.#parts;
    const [first] = items as [InboundItem];
    const name = first.sender?.name;
    const principal: Principal = { role: standing === "owner" ? "owner" : "guest", via: senderText(first), ...(name === undefined ? {} : { name }) };
    return ctx.work(principal, async () => {
      if (!provider.trusted) await ctx.lower(provider.extension, `brought it in as ${provider.id}`);
      for (const item of items) {
        const how = othersIn(item);
        if (how !== undefined) await ctx.lower("outside", how);
      }
      return body();
    });
  }

  async #said(provider: Provider, to: Address, runId: string, text: string): Promise<OutboundMessage[]> {
    const pieces = await piecesOf(text, provider.descriptor);
    return pieces.map((piece, index) => ({ to, content: [{ type: "text", text: piece }], key: `${runId}:${index}`, runId }));
  }

  /** The owner is asked in this turn. Others are told no more than that. */
  #ask(conversation: string, provider: Provider, to: Address, standing: Standing, { state, request }: Interaction): void {
    const { book, deliveries, aside } = this.#parts;
    if (state === "answered") return aside.answered(conversation, request);
    if (provider.trusted && standing === "owner" && to.peer.kind === "person") aside.asked(conversation, request);
    book.say(conversation, [askedMessage(provider, to, standing, request)]);
    deliveries.kick(conversation);
  }

  async #typing<T>({ id, descriptor }: Provider, to: Address, body: () => Promise<T>): Promise<T> {
    if (descriptor.can?.includes("typing") !== true) return body();
    const show = (on: boolean): void => void this.#asHost(() => this.#parts.ctx.use("plinth.channel").get(id).typing({ to, on })).catch(() => {});
    show(true);
    const timer = setInterval(() => show(true), TYPING_MS).unref();
    try {
      return await body();
    } finally {
      clearInterval(timer);
      show(false);
    }
  }

  #asHost<T>(body: () => Promise<T>): Promise<T> {
    return this.#parts.ctx.work({ role: "guest", via: "channels" }, body);
  }
}

/** "" where nothing is to be said. What went wrong in here is the owner's to know. */
function answerOf(end: End, standing: Standing): string {
  if (end.status === "ok") return end.text;
  if (isCutOff(end)) return CUT_OFF;
  if (end.status === "aborted") return "";
  const { message = "", next = "" } = end.error ?? {};
  return standing === "owner" ? `${FAILED} ${message} ${next}`.trim() : FAILED;
}

export const conversationOf = (address: Address): string => addressText(address);
