import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.channel";
type ChannelClient = Client<"plinth.channel">;
type Message = Parameters<ChannelClient["send"]>[0];

export interface ChannelSubject {
  /** A fresh channel for each case, with something to connect to. */
  open(): Promise<{ channel: ChannelClient; close?(): unknown }>;
  /** A message that can be delivered, twice if need be. */
  message: Message;
  /** A message that cannot. */
  bad?: Message;
}

async function connected(channel: ChannelClient): Promise<void> {
  await assertFits(ID, "connect", "output", await channel.connect({}));
}

async function sent(channel: ChannelClient, message: Message): Promise<void> {
  const output = await channel.send(message);
  await assertFits(ID, "send", "output", output);
  assert.notEqual(output.status, "suppressed", "a message that can be delivered is not held back");
}

/** What `plinth.channel` asks of every channel. */
export const channelConformance: readonly ConformanceCase<ChannelSubject>[] = [
  {
    name: "connects, delivers and leaves",
    run: ({ open, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        await sent(channel, message);
        await assertFits(ID, "disconnect", "output", await channel.disconnect({}));
      }),
  },
  {
    name: "connects once, however often it is told",
    run: ({ open, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        await connected(channel);
        await sent(channel, message);
        await channel.disconnect({});
      }),
  },
  {
    name: "leaves once, however often it is told, connected or not",
    run: ({ open }) =>
      withOpened(open, async ({ channel }) => {
        await channel.disconnect({});
        await connected(channel);
        await channel.disconnect({});
        await channel.disconnect({});
      }),
  },
  {
    name: "connects again after it left",
    run: ({ open, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        await channel.disconnect({});
        await connected(channel);
        await sent(channel, message);
        await channel.disconnect({});
      }),
  },
  {
    name: "delivers messages side by side",
    run: ({ open, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        await Promise.all([sent(channel, message), sent(channel, message), sent(channel, message)]);
        await channel.disconnect({});
      }),
  },
  {
    name: "answers a message that it cannot deliver with a coded error or says that it is not accepted",
    needs: ["bad"],
    run: ({ open, bad, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        const attempt = channel.send(bad!);
        const output = await attempt.catch(() => undefined);
        if (output === undefined) await assertCodedFailure(attempt);
        else assert.ok(output.status === "suppressed" || output.status === "unknown", "nobody is told that it arrived");
        await sent(channel, message);
        await channel.disconnect({});
      }),
  },
  {
    name: "sends nothing when it is cancelled already",
    run: ({ open, message }) =>
      withOpened(open, async ({ channel }) => {
        await connected(channel);
        await assertCodedFailure(channel.send(message, { signal: AbortSignal.abort() }));
        await channel.disconnect({});
      }),
  },
];
