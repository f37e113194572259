import { PlinthError } from "@plinth/sdk";
import type { Channels, Status } from "./channels.ts";
import type { Known } from "./people.ts";

/** What commands of every surface do: one account, or all of a channel's, started or stopped. */
export async function turn(channels: Channels, channel: string, account: string | undefined, isOn: boolean): Promise<Status[]> {
  await known(channels, channel);
  await channels.accounts.want(channel, account, isOn);
  return known(channels, channel);
}

/** The accounts of a channel. */
export async function known(channels: Channels, channel: string): Promise<Status[]> {
  const all = await channels.status();
  const own = all.filter((one) => one.channel === channel);
  if (own.length > 0) return own;
  throw new PlinthError("PLINTH_CHANNEL_UNKNOWN", `There is no channel ${JSON.stringify(channel.slice(0, 80))}.`, {
    next: all.length === 0 ? "Install one: plinth plugins search channel" : `There is: ${[...new Set(all.map((one) => one.channel))].join(", ")}.`,
  });
}

export const WAYS = ["guest", "owner", "blocked"] as const;

/** @param standing `forget` takes back what was decided. */
export function decide(channels: Channels, address: string, standing: string): Known | { address: string; forgotten: boolean } {
  if (standing === "forget") return { address, forgotten: channels.people.forget(address) };
  if (!(WAYS as readonly string[]).includes(standing))
    throw new PlinthError("PLINTH_PARAMS", `Nobody can be ${JSON.stringify(standing.slice(0, 40))}.`, { next: `One of ${WAYS.join(", ")}, forget.` });
  return channels.people.decide(address, standing as Known["standing"]);
}
