import {
  type Address,
  type ContentPart,
  type Context,
  errorInfo,
  type InboundItem,
  isFor,
  keepArtifact,
  type OutboundMessage,
  type Part,
  PlinthError,
  partLabel,
  partsSaid,
} from "@plinth/sdk";
import { isMedia, type MediaPart, takesMime } from "@plinth/sdk/kits/channel";
import type { Provider } from "./provider.ts";

/** Of one picture, recording or file, where the channel does not say less. */
const MOST_BYTES = 20 * 1_048_576;
/** Of one message. */
const MOST_PARTS = 20;

type AsHost = <T>(body: () => Promise<T>) => Promise<T>;

/**
 * What people sent besides text, each kept as an artifact: a conversation holds references. What the channel gave as an
 * address it is asked for. What cannot be had is named, and the message goes on without it. To be called as its sender's work.
 */
export async function mediaIn(
  ctx: Context,
  provider: Provider,
  items: readonly InboundItem[],
  session: string,
  asHost: AsHost,
): Promise<ContentPart[]> {
  const given = items.flatMap((item) =>
    item.kind === "message"
      ? partsSaid(item.content)
          .filter(isMedia)
          .map((part) => ({ part, item }))
      : [],
  );
  const taken: ContentPart[] = [];
  for (const { part, item } of given.slice(0, MOST_PARTS)) {
    try {
      taken.push(await kept(ctx, provider, part, item.address.account, session, asHost));
    } catch (error) {
      const { code, message } = errorInfo(error);
      ctx.log.warn("Something that was sent over a channel could not be taken.", { channel: provider.id, type: part.type, code, message });
      taken.push({ type: "text", text: `${partLabel(named(part))} could not be taken (${code}).` });
    }
  }
  if (given.length > MOST_PARTS) taken.push({ type: "text", text: `${given.length - MOST_PARTS} more were left out.` });
  return taken;
}

/** Without the service's own address: that is nobody's to read. */
const named = ({ url: _, base64: __, ...part }: MediaPart): Part => part;

async function kept(ctx: Context, provider: Provider, part: MediaPart, account: string, session: string, asHost: AsHost): Promise<ContentPart> {
  const { in: takes, maxBytes = MOST_BYTES } = provider.descriptor.media ?? {};
  if (takes !== undefined && !takesMime(takes, part.mimeType)) throw refused(`The channel brings no ${part.mimeType}.`);
  const { artifact, base64, url, ...facts } = part;
  if (artifact !== undefined) return part;
  const most = Math.min(maxBytes, MOST_BYTES);
  const found =
    base64 === undefined
      ? await asHost(() => fetched(ctx, provider.id, account, url ?? "", most))
      : { bytes: Buffer.from(base64, "base64"), mimeType: undefined, name: undefined };
  const mimeType = facts.mimeType.endsWith("/*") ? (found.mimeType ?? "application/octet-stream") : facts.mimeType;
  const name = facts.name ?? found.name;
  const info = await keepArtifact(ctx.use("plinth.artifacts").one(), found.bytes, { mimeType, session, ...(name === undefined ? {} : { name }) });
  return { ...facts, artifact: info.id, mimeType, bytes: info.bytes, ...(name === undefined ? {} : { name }) };
}

/** A channel knows its service; its host fetches nothing by an address that somebody else wrote. */
async function fetched(ctx: Context, channel: string, account: string, ref: string, most: number) {
  const pieces: Buffer[] = [];
  let size = 0;
  let facts: { mimeType?: string | undefined; name?: string | undefined } = {};
  for await (const { base64, mimeType, name } of ctx.use("plinth.channel").get(channel).fetchMedia({ account, ref })) {
    const piece = Buffer.from(base64, "base64");
    size += piece.length;
    if (size > most) throw refused(`It is larger than ${Math.floor(most / 1_024)} KiB.`);
    pieces.push(piece);
    facts = { mimeType: facts.mimeType ?? mimeType, name: facts.name ?? name };
  }
  return { bytes: Buffer.concat(pieces), mimeType: facts.mimeType, name: facts.name };
}

const refused = (message: string): PlinthError =>
  new PlinthError("PLINTH_CHANNEL_TOO_LARGE", message, { next: "Send a smaller one, or another kind." });

/** An answer's parts that the channel can show, a message each; and what is said of the others. */
export function mediaOut(
  { descriptor }: Provider,
  to: Address,
  runId: string,
  content: readonly Part[] = [],
): { messages: OutboundMessage[]; instead: string[] } {
  const messages: OutboundMessage[] = [];
  const instead: string[] = [];
  const { out = [], maxBytes = MOST_BYTES } = descriptor.media ?? {};
  for (const part of content as readonly ContentPart[]) {
    if (!isMedia(part) || !isFor(part, "user")) continue;
    const size = part.bytes ?? Math.floor(((part.base64 ?? "").length * 3) / 4);
    if (!takesMime(out, part.mimeType) || size > maxBytes) instead.push(part.url ?? partLabel(part));
    else messages.push({ to, content: [part], key: `${runId}:m${messages.length}`, runId, fallbackText: partLabel(part) });
  }
  return { messages, instead };
}
