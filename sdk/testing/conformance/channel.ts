import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, InboundItem, OutboundMessage, Receipt } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.channel";
/** How long something may take to arrive before it counts as lost. */
const PATIENCE_MS = 10_000;

type ChannelClient = Client<"plinth.channel">;
type Message = Omit<OutboundMessage, "key">;

export interface OpenedChannel {
  channel: ChannelClient;
  /** How many messages the service has. */
  arrived?(): number | Promise<number>;
  /** Somebody writes something to the account; again with the same words, it is another message. */
  write?(text: string): unknown;
  /** The service sends its last event once more, as it does when it does not know whether it arrived. */
  repeat?(): unknown;
  /** What the channel has brought to `plinth.inbox`, in order. */
  delivered?(): readonly InboundItem[];
  /** The connection breaks off on the service's side, and the service stays reachable. */
  drop?(): unknown;
  /** What the channel has said by `report`. */
  reported?(): readonly { state: string }[];
  close?(): unknown;
}

export interface ChannelSubject {
  /** A fresh channel for each case, with something to connect to. */
  open(): Promise<OpenedChannel>;
  /** Default `default`. */
  account?: string;
  /** A message that can be delivered, as often as it is asked for. */
  message: Message;
  /** A message that cannot. */
  bad?: Message;
  /** true: `arrived` is there, and the descriptor says `idempotent`. */
  idempotent?: boolean;
  /** true: `write`, `repeat` and `delivered` are there. */
  receives?: boolean;
  /** true: `drop` and `reported` are there. */
  drops?: boolean;
}

let keys = 0;
const fresh = (message: Message): OutboundMessage => ({ ...message, key: `conformance-${++keys}` });

class Conversation {
  readonly #subject: ChannelSubject;
  readonly opened: OpenedChannel;

  constructor(subject: ChannelSubject, opened: OpenedChannel) {
    this.#subject = subject;
    this.opened = opened;
  }

  get account(): string {
    return this.#subject.account ?? "default";
  }

  async connect(): Promise<void> {
    await assertFits(ID, "connect", "output", await this.opened.channel.connect({ account: this.account }));
  }

  async leave(): Promise<void> {
    await assertFits(ID, "disconnect", "output", await this.opened.channel.disconnect({ account: this.account }));
  }

  async health(): Promise<string> {
    const health = await this.opened.channel.health({ account: this.account });
    await assertFits(ID, "health", "output", health);
    return health.state;
  }

  async send(message = fresh(this.#subject.message)): Promise<Receipt> {
    const receipt = await this.opened.channel.send(message);
    await assertFits(ID, "send", "output", receipt);
    assert.equal(receipt.status, "sent", "a message that can be delivered is delivered");
    assert.ok(receipt.messages.length > 0, "the service's ids are in the receipt");
    return receipt;
  }
}

const conversing = (subject: ChannelSubject, body: (one: Conversation) => Promise<void>): Promise<void> =>
  withOpened(subject.open, async (opened) => {
    const one = new Conversation(subject, opened);
    await body(one);
    await one.leave();
  });

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds()); await sleep(5)) assert.ok(Date.now() < end, what);
}

/** What `plinth.channel` asks of every channel. */
export const channelConformance: readonly ConformanceCase<ChannelSubject>[] = [
  {
    name: "connects, delivers and leaves",
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        await one.send();
      }),
  },
  {
    name: "says whether it is connected",
    run: (subject) =>
      conversing(subject, async (one) => {
        assert.notEqual(await one.health(), "connected", "before it was told to connect");
        await one.connect();
        assert.equal(await one.health(), "connected");
        await one.leave();
        assert.notEqual(await one.health(), "connected", "after it left");
      }),
  },
  {
    name: "connects once, however often it is told",
    run: (subject) =>
      conversing(subject, async (one) => {
        await Promise.all([one.connect(), one.connect()]);
        await one.connect();
        await one.send();
      }),
  },
  {
    name: "leaves once, however often it is told, connected or not",
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.leave();
        await one.connect();
        await one.leave();
      }),
  },
  {
    name: "connects again after it left",
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        await one.leave();
        await one.connect();
        await one.send();
      }),
  },
  {
    name: "delivers messages side by side",
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        await Promise.all([one.send(), one.send(), one.send()]);
      }),
  },
  {
    name: "sends a message once, however often it is asked with the same key, also after it left and came back",
    needs: ["idempotent"],
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        const before = (await one.opened.arrived?.()) ?? 0;
        const message = fresh(subject.message);
        const [first, second] = await Promise.all([one.send(message), one.send(message)]);
        await one.leave();
        await one.connect();
        const third = await one.send(message);
        assert.deepEqual(second.messages, first.messages, "one message, one receipt");
        assert.deepEqual(third.messages, first.messages, "one message, one receipt");
        assert.equal(((await one.opened.arrived?.()) ?? 0) - before, 1, "the service has it once");
      }),
  },
  {
    name: "answers a message that it cannot deliver with a coded error or says that it is not sent",
    needs: ["bad"],
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        const attempt = one.opened.channel.send(fresh(subject.bad as Message));
        const receipt = await attempt.catch(() => undefined);
        if (receipt === undefined) await assertCodedFailure(attempt);
        else assert.notEqual(receipt.status, "sent", "nobody is told that it arrived");
        await one.send();
      }),
  },
  {
    name: "sends nothing when it is cancelled already",
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        await assertCodedFailure(one.opened.channel.send(fresh(subject.message), { signal: AbortSignal.abort() }));
      }),
  },
  {
    name: "brings what somebody writes, in order, with who it is from, and one event under one id",
    needs: ["receives"],
    run: (subject) =>
      conversing(subject, async (one) => {
        const { write, repeat, delivered = () => [] } = one.opened;
        await one.connect();
        for (const text of ["first", "second"]) await write?.(text);
        await until("what is written is brought", () => new Set(delivered().map(({ eventId }) => eventId)).size === 2);
        await repeat?.();
        await write?.("third");
        await until("what is written is brought", () => new Set(delivered().map(({ eventId }) => eventId)).size === 3);
        const messages = new Map(delivered().map((item) => [item.eventId, item]));
        assert.deepEqual(
          [...messages.values()].map((item) => item.kind === "message" && item.content.find((part) => part.type === "text")?.text),
          ["first", "second", "third"],
        );
        for (const { sender, address, at } of messages.values()) {
          assert.ok(sender !== undefined && sender.id !== "", "it says who wrote it");
          assert.equal(address.account, one.account, "it says to which account");
          assert.ok(Math.abs(at - Date.now()) < 86_400_000, "`at` is in milliseconds");
        }
      }),
  },
  {
    name: "says that its connection went down, and can be connected again",
    needs: ["drops"],
    run: (subject) =>
      conversing(subject, async (one) => {
        const { drop, reported = () => [] } = one.opened;
        await one.connect();
        await drop?.();
        await until("the loss is reported", () => reported().some(({ state }) => state === "down"));
        assert.notEqual(await one.health(), "connected");
        await one.connect();
        await one.send();
      }),
  },
  {
    name: "reports nothing when it was told to leave",
    needs: ["drops"],
    run: (subject) =>
      conversing(subject, async (one) => {
        await one.connect();
        await one.leave();
        await sleep(50);
        assert.deepEqual(
          (one.opened.reported?.() ?? []).filter(({ state }) => state === "down"),
          [],
        );
      }),
  },
];
