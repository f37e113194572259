import { createHash } from "node:crypto";
import type { Address } from "@plinth/sdk";
import { addressText, parseAddress } from "@plinth/sdk/kits/channel";
import { MAIN } from "./agents.ts";
import type { DmScope } from "./bindings.ts";

const OWN = /^agent:([a-z][a-z0-9-]{0,39}):(.+)$/s;
const LONGEST = 200;

/** The agent that a key names; undefined: it is one of `main`, as all were before there were others. */
export const agentIn = (key: string): string | undefined => OWN.exec(key)?.[1];

/** The key of one agent's conversation. Those of `main` stay as they are. */
export function keyOf(agent: string, key: string): string {
  const rest = key.length <= LONGEST ? key : `${key.slice(0, 130)}~${createHash("sha256").update(key).digest("hex")}`;
  return agent === MAIN ? rest : `agent:${agent}:${rest}`;
}

/** Addresses of one person, by a name: `chat/*\/person/ada` is ada with whichever account of ours. */
export type Identities = Readonly<Record<string, readonly string[]>>;

/** An address in which a part may be `*`: any. */
export const patternOf = (text: string): Address | undefined =>
  parseAddress(
    text
      .split("/")
      .map((part) => (part === "*" ? "%2A" : part))
      .join("/"),
  );

/** Whom the owner said this is; undefined: nobody. */
export function linked({ channel, account, peer }: Address, identities: Identities): string | undefined {
  if (peer.kind !== "person") return undefined;
  const is = (text: string): boolean => {
    const one = patternOf(text);
    return (
      one !== undefined &&
      one.channel === channel &&
      (one.account === "*" || one.account === account) &&
      one.peer.kind === "person" &&
      one.peer.id === peer.id
    );
  };
  return Object.keys(identities)
    .sort()
    .find((name) => identities[name]?.some(is));
}

/**
 * What one conversation is called, before it is an agent's. People who write to us directly have one each, unless it is said
 * otherwise; no two that nobody linked ever share one, as an id of one service says nothing of the same id in another.
 * @param owner whether the owner wrote it: `main` is nobody else's.
 */
export function conversationOf(address: Address, scope: DmScope, identities: Identities, owner: boolean): string {
  if (address.peer.kind !== "person") return addressText(address);
  if (scope === "main" && owner) return within(MAIN, address);
  const who = linked(address, identities);
  const { channel, account, thread, ...rest } = address;
  const [, atChannel, , id] = addressText({ ...rest, channel: "x", account: channel }).split("/");
  const person = who === undefined ? `person/${id}` : `linked/${who}`;
  if (scope === "per-peer" && who !== undefined) return within(person, address);
  if (scope === "per-peer" || scope === "per-channel-peer") return within(`${atChannel}/${person}`, address);
  if (who === undefined) return addressText(address);
  return within(
    `${addressText({ ...rest, channel, account })
      .split("/")
      .slice(0, 2)
      .join("/")}/${person}`,
    address,
  );
}

function within(key: string, { thread, ...rest }: Address): string {
  return thread === undefined
    ? key
    : `${key}/thread/${addressText({ ...rest, thread })
        .split("/")
        .at(-1)}`;
}
