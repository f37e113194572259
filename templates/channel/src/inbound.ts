import type { ContentPart, InboundItem } from "@plinth/sdk";
import type { Happening } from "./chat-server.ts";

/** What the server told, as the host takes it. Whoever wrote it is who the server says it is: no text can change that. */
export function itemOf({ id, at, from, room, mention, text, image }: Happening, account: string): InboundItem {
  const content: ContentPart[] = text === "" ? [] : [{ type: "text", text }];
  // Its bytes are asked for, by `fetchMedia`, once somebody wants them.
  if (image !== undefined) content.push({ type: "image", ...image });
  return {
    kind: "message",
    eventId: id,
    at,
    address: { channel: "__NAME__", account, peer: room === undefined ? { kind: "person", id: from.id } : { kind: "group", id: room } },
    sender: { id: from.id, ...(from.name === undefined ? {} : { name: from.name }) },
    id,
    content,
    ...(mention === undefined ? {} : { mentionsMe: mention }),
  };
}
