import { defineExtension } from "@plinth/sdk";
import type { Channels } from "./channels.ts";

/** All but this file is loaded when there is a channel, or when somebody asks. */
export default defineExtension({
  activate(ctx) {
    let channels: Promise<Channels> | undefined;
    let isOn = false;
    const open = (): Promise<Channels> => {
      channels ??= import("./channels.ts").then(({ Channels }) => new Channels(ctx));
      return channels;
    };
    /** Whether there is one to look after. */
    const isWanted = async (): Promise<boolean> => isOn && (channels !== undefined || (await ctx.use("plinth.channel").list()).length > 0);
    ctx.effect("channels", async () => (await channels)?.close());

    ctx.provide("plinth.service", "channels", {
      async start() {
        isOn = true;
        if (await isWanted()) await (await open()).start();
        return {};
      },
      async stop() {
        isOn = false;
        await (await channels)?.stop();
        return {};
      },
    });
    ctx.hooks.on("generation.ready", async ({ added, removed }) => {
      // Beside the change itself, which does not wait for a service to answer.
      if (await ctx.work({ role: "guest", via: "channels" }, isWanted))
        void open().then(async (one) => {
          await one.start();
          await one.accounts.settle([...added, ...removed]);
        });
    });
    ctx.provide("plinth.inbox", "default", {
      deliver: async (input, call) => (await open()).inbox.deliver(input, call),
      report: async (input, call) => (await open()).inbox.report(input, call),
    });
    ctx.provide("plinth.check", "channels", {
      async examine() {
        if ((await ctx.use("plinth.channel").list()).length === 0) return { findings: [] };
        const { findingsOf } = await import("./check.ts");
        return { findings: findingsOf(await (await open()).status()) };
      },
    });
    const shell = (id: string) =>
      async function* (input: never, call: never) {
        const { shellCommands } = await import("./shell.ts");
        yield* shellCommands(await open())[id]!(input, call);
      };
    for (const id of SHELL) ctx.provide("plinth.cli-command", id, { run: shell(id) as never });
    for (const id of METHODS)
      ctx.provide("plinth.gateway-method", id, {
        call: async (input, call) => {
          const { gatewayMethods } = await import("./gateway-methods.ts");
          return gatewayMethods(await open())[id]!(input, call);
        },
      });
    ctx.provide("plinth.chat-command", "channels", {
      async *run(input, call) {
        const { chatCommand } = await import("./chat.ts");
        yield* chatCommand(await open(), input, call);
      },
    });
  },
});

const SHELL = ["list", "status", "start", "stop", "pair", "people", "allow", "block", "forget"].map((one) => `channels.${one}`);
const METHODS = ["list", "start", "stop", "people", "pair", "decide"].map((one) => `channels.${one}`);
