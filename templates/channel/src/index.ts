import { type Address, type ContentPart, defineExtension, type FetchOptions, readArtifact } from "@plinth/sdk";
import { contentText, isMedia, mediaBase64, mediaPieces } from "@plinth/sdk/kits/channel";
import { ChatServer, type Picture, TooFast } from "./chat-server.ts";
import { Connection } from "./connection.ts";
import { itemOf } from "./inbound.ts";
import type { Manifest } from "./manifest.ts";

const ACCOUNT = "default";
/** As `media.maxBytes` in the manifest. */
const MOST_BYTES = 5_000_000;

export default defineExtension<Manifest>({
  activate(ctx) {
    const inbox = ctx.use("plinth.inbox").one();
    const roads = { fetch: (url: string, options?: FetchOptions) => ctx.fetch(url, options), connect: (url: string) => ctx.connect(url) };
    const server = new ChatServer(ctx.config.server ?? "https://chat.example.com", roads);
    const connection = new Connection(
      server,
      // Kept by the host before it is acknowledged: whatever happens next, it is neither lost nor answered twice.
      async (happening) => void (await inbox.deliver({ item: itemOf(happening, ACCOUNT) })),
      // The host connects again, after a pause that grows.
      () => inbox.report({ channel: "__NAME__", account: ACCOUNT, state: "down" }).then(() => {}, () => {}),
    );
    const pictureIn = async (content: readonly ContentPart[], signal: AbortSignal): Promise<Picture | undefined> => {
      const part = content.find((one) => one.type === "image");
      if (part?.type !== "image") return undefined;
      const base64 = await mediaBase64(part, (id) => readArtifact(ctx.use("plinth.artifacts").one(), id, MOST_BYTES, signal));
      return base64 === undefined ? undefined : { base64, mimeType: part.mimeType, ...(part.name === undefined ? {} : { name: part.name }) };
    };
    const place = ({ peer }: Address): string => peer.id;

    ctx.provide("plinth.channel", "__NAME__", {
      async connect() {
        await connection.open();
        return {};
      },
      async disconnect() {
        await connection.close();
        return {};
      },
      health: () => ({ state: connection.state }),
      async send({ to, content, key, fallbackText }, { signal }) {
        signal.throwIfAborted();
        try {
          const image = await pictureIn(content, signal);
          const text = contentText(image === undefined ? content : content.filter((part) => !isMedia(part)));
          const message = { to: place(to), text: text || (image === undefined ? (fallbackText ?? "") : ""), key };
          const id = await server.post({ ...message, ...(image === undefined ? {} : { image }) }, signal);
          return { status: "sent", messages: [{ id }] };
        } catch (error) {
          if (error instanceof TooFast) return error.receipt;
          throw error;
        }
      },
      async *fetchMedia({ ref }, { signal }) {
        const { body, ...facts } = await server.picture(ref, signal);
        yield* mediaPieces(body, facts);
      },
      async typing({ to, on }, { signal }) {
        await server.typing(place(to), on, signal);
        return {};
      },
    });
    return () => connection.close();
  },
});
