import type { Address } from "@plinth/manifests";

/** What may stand in a canonical text as it is; all else is percent-encoded, so that two addresses never have one text. */
const RESERVED = /[^A-Za-z0-9._~@+=,!-]/gu;
const encode = (text: string): string =>
  text.toWellFormed().replace(RESERVED, (one) => (one.length === 1 && one < "\u0080" ? hex(one) : encodeURIComponent(one)));
const hex = (one: string): string => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;

/** An address as one text, such as `telegram/default/person/42` or `slack/work/channel/C1/T9`: equal texts are equal addresses. */
export function addressText({ channel, account, peer, thread }: Address): string {
  const parts = [channel, account, peer.kind, peer.id, ...(thread === undefined ? [] : [thread])];
  return parts.map(encode).join("/");
}

/** The address that a text stands for; undefined where it stands for none. */
export function parseAddress(text: string): Address | undefined {
  const parts = text.split("/");
  if (parts.length !== 4 && parts.length !== 5) return undefined;
  try {
    const [channel = "", account = "", kind = "", id = "", thread] = parts.map(decodeURIComponent);
    if (kind !== "person" && kind !== "group" && kind !== "channel") return undefined;
    if (channel === "" || account === "" || id === "" || thread === "") return undefined;
    const address: Address = { channel, account, peer: { kind, id }, ...(thread === undefined ? {} : { thread }) };
    return addressText(address) === text ? address : undefined;
  } catch {
    return undefined;
  }
}
