import { type Address, defineExtension, type FetchOptions } from "@plinth/sdk";
import { contentText } from "@plinth/sdk/kits/channel";
import { ChatServer, TooFast } from "./chat-server.ts";
import { Connection } from "./connection.ts";
import { itemOf } from "./inbound.ts";
import type { Manifest } from "./manifest.ts";

const ACCOUNT = "default";

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
          const id = await server.post({ to: place(to), text: contentText(content) || (fallbackText ?? ""), key }, signal);
          return { status: "sent", messages: [{ id }] };
        } catch (error) {
          if (error instanceof TooFast) return error.receipt;
          throw error;
        }
      },
      async typing({ to, on }, { signal }) {
        await server.typing(place(to), on, signal);
        return {};
      },
    });
    return () => connection.close();
  },
});
