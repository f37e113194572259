import { PlinthError } from "@plinth/sdk";
import { addressText } from "@plinth/sdk/kits/channel";
import type { Match } from "../bindings.ts";
import { patternOf } from "../session-key.ts";

/** What is typed for a binding: `chat`, `chat:ops`, `chat:*`, or an address such as `chat/default/group/kitchen`, in which `*` is any. */
export function matchOf(text: string): Match {
  if (!text.includes("/")) {
    const [channel = "", ...rest] = text.split(":");
    const account = rest.join(":");
    if (/^[^\s:]{1,128}$/u.test(channel) && account.length <= 512 && (rest.length === 0 || account !== "")) {
      return { channel, ...(rest.length === 0 ? {} : { account }) };
    }
  }
  const address = patternOf(text);
  if (address === undefined) {
    throw new PlinthError("PLINTH_USAGE", `${JSON.stringify(text.slice(0, 80))} is no channel, account or address.`, {
      next: "Write it as chat, chat:ops or chat/default/group/kitchen; `*` stands for any account, and for any person or group.",
    });
  }
  const { channel, account, peer, thread } = address;
  return { channel, account, peer, ...(thread === undefined ? {} : { thread }) };
}

/** As it is typed, with what cannot be typed behind it. */
export function matchText({ channel, account, peer, thread, guild, team, roles }: Match): string {
  const place =
    peer === undefined
      ? `${channel}${account === undefined ? "" : `:${account}`}`
      : addressText({ channel, account: account ?? "default", peer, ...(thread === undefined ? {} : { thread }) }).replaceAll("%2A", "*");
  const more = Object.entries({ guild, team, roles: roles?.join(" ") }).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
  return [place, ...more].join(", ");
}
