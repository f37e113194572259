import { defineExtension } from "@plinth/sdk";
import { answerTo } from "./answer.ts";
import { ChatServer } from "./chat-server.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    const server = new ChatServer(ctx.config.server, (url, options) => ctx.fetch(url, options));
    let stop: AbortController | undefined;
    let listening: Promise<void> | undefined;

    /** Ask for new messages until told to stop; each is answered on its own. */
    const listen = async (signal: AbortSignal): Promise<void> => {
      let after = 0;
      while (!signal.aborted) {
        try {
          for (const message of await server.messages(after, signal)) {
            after = message.id;
            // Whoever writes there is a guest: an identity comes from here, never from what a message says.
            const answer = await ctx.work({ role: "guest", via: "__ID__", name: message.from }, () => answerTo(ctx.use("plinth.turns").one(), message));
            if (answer !== "") await server.post({ to: message.from, text: answer }, signal);
          }
        } catch (error) {
          if (signal.aborted) return;
          ctx.log.warn("the chat server cannot be read; trying again", { error: String(error) });
          await ctx.clock.sleep(1_000, signal).catch(() => {});
        }
      }
    };

    const disconnect = async (): Promise<void> => {
      stop?.abort();
      await listening;
      stop = listening = undefined;
    };

    ctx.provide("plinth.channel", "__NAME__", {
      connect() {
        if (stop === undefined) {
          stop = new AbortController();
          listening = listen(AbortSignal.any([stop.signal, ctx.signal]));
        }
        return { account: ctx.config.server };
      },
      async disconnect() {
        await disconnect();
        return {};
      },
      async send({ to, text }, { signal }) {
        return { status: "accepted", id: await server.post({ to, text }, signal) };
      },
    });
    return disconnect;
  },
});
