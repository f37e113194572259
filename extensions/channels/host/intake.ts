import { type Call, type Context, type ErrorInfo, errorInfo, type InboundItem, type OutboundMessage, PlinthError, type Principal } from "@plinth/sdk";
import { gate, type Standing } from "@plinth/sdk/kits/channel";
import type { Accounts } from "./accounts.ts";
import type { Aside } from "./aside.ts";
import type { Book } from "./book.ts";
import { answerPress, isAnswer } from "./buttons.ts";
import { conversationOf } from "./conversations.ts";
import type { Deliveries } from "./deliveries.ts";
import { piecesOf } from "./dialect.ts";
import { type People, placeText, senderText } from "./people.ts";
import { policyOf } from "./policy.ts";
import type { Provider } from "./provider.ts";
import { runIdOf } from "./turn.ts";
import { MOST_CHARS, wordsOf } from "./words.ts";

export interface Delivered {
  result: "accepted" | "duplicate" | "ignored";
  why?: string;
}

export interface Desk {
  ctx: Context;
  book: Book;
  people: People;
  accounts: Accounts;
  deliveries: Deliveries;
  aside: Aside;
  kick(conversation: string): void;
}

const ACCEPTED: Delivered = { result: "accepted" };
const DUPLICATE: Delivered = { result: "duplicate", why: "It was brought before." };
const ignored = (why: string): Delivered => ({ result: "ignored", why });
/** Of one conversation. */
const MOST_WAITING = 100;
const MOST_BYTES = 1_000_000;

/** Takes what channels bring. Whatever it accepts is on disk when it answers. */
export class Intake {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  async deliver(item: InboundItem, { caller }: Pick<Call, "caller">): Promise<Delivered> {
    const { book } = this.#desk;
    const provider = await this.#providerFor(item.address.channel, caller);
    if (book.knows(item)) return DUPLICATE;
    if (JSON.stringify(item).length > MOST_BYTES) return ignored("It is too large.");
    const { channel, account } = item.address;
    const conversation = conversationOf(item.address);
    const who = senderText(item);
    const standing = this.#desk.people.standing(who);
    const groupAllowed = ["guest", "owner"].includes(this.#desk.people.standing(placeText(item.address)));
    const decision = gate({ item, standing, groupAllowed }, policyOf(this.#desk.ctx, channel));
    if (decision.do === "ignore") return ignored(decision.why);
    if (decision.do === "pair") return this.#pair(item, conversation, who);
    switch (item.kind) {
      case "message":
      case "command":
      case "location":
        return (await this.#besideTurn(provider, item, conversation, standing, who)) ?? this.#take(item, conversation);
      case "button":
        return isAnswer(item) ? this.#press(provider, item, conversation, standing === "owner", who) : this.#told(item, conversation);
      case "edit":
      case "delete": {
        const amended = book.amend(conversation, item.messageId, item.sender?.id ?? "", (was) =>
          item.kind === "edit" && was.kind === "message" ? { ...was, content: item.content } : undefined,
        );
        if (!amended) return this.#told(item, conversation);
        return book.take(item, conversation, true) ? ACCEPTED : DUPLICATE;
      }
      case "reaction":
      case "join":
      case "leave":
      case "form":
        return this.#told(item, conversation);
      default:
        return ignored(`Nothing is done about ${JSON.stringify(String((item as { kind: unknown }).kind).slice(0, 40))} at ${account}.`);
    }
  }

  async report(
    input: { channel: string; account: string; state: "connected" | "down"; error?: ErrorInfo },
    { caller }: Pick<Call, "caller">,
  ): Promise<object> {
    await this.#providerFor(input.channel, caller);
    this.#desk.accounts.account(input.channel, input.account)?.reported(input.state, input.error);
    return {};
  }

  #take(item: InboundItem, conversation: string): Delivered {
    const { book, kick } = this.#desk;
    const words = wordsOf(item, []);
    if (words === undefined || words.trim() === "") return ignored("There is nothing to answer in it.");
    if (words.length > MOST_CHARS) return ignored(`It is longer than ${MOST_CHARS} characters.`);
    if (book.waitingIn(conversation) >= MOST_WAITING)
      throw new PlinthError("PLINTH_INBOX_FULL", "Too much waits in this conversation.", { next: "Bring it again later." });
    if (!book.take(item, conversation, false)) return DUPLICATE;
    kick(conversation);
    return ACCEPTED;
  }

  /** It starts no turn; whoever wants to know is told. */
  #told(item: InboundItem, conversation: string): Delivered {
    if (!this.#desk.book.take(item, conversation, true)) return DUPLICATE;
    void this.#desk.ctx.work({ role: "guest", via: "channels" }, () => this.#desk.ctx.hooks.fire("channel.happened", { item })).catch(() => {});
    return ACCEPTED;
  }

  /** A stranger gets a code, and what was written is not kept. */
  #pair(item: InboundItem, conversation: string, who: string): Delivered {
    const { people, book, deliveries } = this.#desk;
    const pairing = people.ask(item.address.channel, who, item.sender?.name);
    if (pairing === undefined) return ignored("Too many strangers wait for the owner already.");
    const text = `I do not know you yet. Give this code to whoever runs me: ${pairing.code}\nThey let you in with: plinth channels pair ${pairing.code}`;
    const key = `${runIdOf(item.address.channel, item.address.account, item.eventId)}:pair`;
    if (!book.take(item, conversation, true, [this.#reply(item, text, key)])) return DUPLICATE;
    deliveries.kick(conversation);
    return ignored("The sender is not known; a pairing code was sent.");
  }

  #press(provider: Provider, item: Extract<InboundItem, { kind: "button" }>, conversation: string, isOwner: boolean, who: string): Delivered {
    const { ctx, book, deliveries } = this.#desk;
    if (!book.take(item, conversation, true)) return DUPLICATE;
    const key = `${runIdOf(item.address.channel, item.address.account, item.eventId)}:press`;
    void ctx
      .work({ role: isOwner ? "owner" : "guest", via: who }, async () => {
        if (!provider.trusted) await ctx.lower(provider.extension, `brought it in as ${provider.id}`);
        return answerPress(ctx, item);
      })
      .then((text) => {
        book.say(conversation, [this.#reply(item, text, key)]);
        deliveries.kick(conversation);
      })
      .catch((error) => ctx.log.error("A press could not be answered.", { conversation, error: String(error) }));
    return ACCEPTED;
  }

  /** What waits for an answer would else wait for the answer's own turn. Undefined: nothing runs there, or it is no such command. */
  async #besideTurn(provider: Provider, item: InboundItem, conversation: string, standing: Standing, who: string): Promise<Delivered | undefined> {
    const { ctx, book, deliveries, aside } = this.#desk;
    if (book.waitingIn(conversation) === 0) return undefined;
    const command = await aside.commandIn(item, conversation, provider, standing);
    if (command === undefined) return undefined;
    if (!book.take(item, conversation, true)) return DUPLICATE;
    const key = `${runIdOf(item.address.channel, item.address.account, item.eventId)}:aside`;
    const name = item.sender?.name;
    const principal: Principal = { role: standing === "owner" ? "owner" : "guest", via: who, ...(name === undefined ? {} : { name }) };
    void aside
      .run(command, item, provider, principal)
      .then(async (text) => {
        const pieces = await piecesOf(text, provider.descriptor);
        book.say(
          conversation,
          pieces.map((piece, index) => this.#reply(item, piece, `${key}:${index}`)),
        );
        deliveries.kick(conversation);
      })
      .catch((error) => ctx.log.error("A command could not be answered.", { conversation, ...errorInfo(error) }));
    return ACCEPTED;
  }

  #reply({ address: to }: InboundItem, text: string, key: string): OutboundMessage {
    return { to, content: [{ type: "text", text }], key };
  }

  /** Each extension speaks for the channels that it provides, and for no other. */
  async #providerFor(channel: string, caller: string): Promise<Provider> {
    const { accounts } = this.#desk;
    let provider = accounts.provider(channel);
    if (provider?.extension !== caller) {
      await accounts.refresh();
      provider = accounts.provider(channel);
    }
    if (provider !== undefined && provider.extension === caller) return provider;
    throw new PlinthError("PLINTH_INBOX_FORBIDDEN", `${caller} does not provide the channel ${JSON.stringify(channel.slice(0, 80))}.`, {
      extension: caller,
      next: "The address of an item names the channel's own capability.",
    });
  }
}
