import { type Call, defineExtension, PlinthError, type Provider } from "@plinth/sdk";
import type { Author, CommandInput, TerminalItem } from "./command.ts";
import { findProduct } from "./product.ts";

type Command = (author: Author, input: CommandInput, signal: AbortSignal) => AsyncIterable<TerminalItem>;

export default defineExtension({
  activate(ctx) {
    const author: Author = {
      product: findProduct(ctx.env),
      env: ctx.env,
      get keyFolder() {
        return ctx.dataDir;
      },
    };
    const provide = (id: string, load: () => Promise<Command>) => {
      const provider: Provider<"plinth.cli-command"> = {
        async *run(input, call) {
          assertOwner(id, call);
          yield* (await load())(author, input, call.signal);
        },
      };
      ctx.provide("plinth.cli-command", id, provider);
    };
    provide("create", async () => (await import("./create.ts")).create);
    provide("types", async () => (await import("./types.ts")).types);
    provide("contract.add", async () => (await import("./contracts/add.ts")).addContract);
    provide("dev", async () => (await import("./live/dev.ts")).dev);
    provide("check", async () => (await import("./check/check.ts")).check);
    provide("pack", async () => (await import("./pack.ts")).pack);
    provide("publish", async () => (await import("./market/publish.ts")).publishPackage);
    provide("keygen", async () => (await import("./keygen.ts")).keygen);
    provide("key.rotate", async () => (await import("./market/rotate.ts")).rotatePublisherKey);
    provide("yank", async () => (await import("./market/marks.ts")).yankVersion);
    provide("deprecate", async () => (await import("./market/marks.ts")).deprecateVersion);
    provide("owner.add", async () => (await import("./market/owners.ts")).changeOwners("add"));
    provide("owner.remove", async () => (await import("./market/owners.ts")).changeOwners("remove"));
    provide("owner.list", async () => (await import("./market/owners.ts")).listOwners);
    provide("registry.login", async () => (await import("./market/account.ts")).login);
    provide("registry.logout", async () => (await import("./market/account.ts")).logout);
    provide("registry.whoami", async () => (await import("./market/account.ts")).whoami);
    provide("live-host", async () => {
      const { liveHost } = await import("./live/guest-host.ts");
      return (_, input) => liveHost(ctx, input);
    });
  },
});

/** These commands write wherever they are told to and use the owner's keys. */
function assertOwner(id: string, { work }: Call): void {
  if (work?.principal.role === "owner") return;
  throw new PlinthError("PLINTH_NOT_OWNER", `Only the owner may run \`plinth ${id}\`.`, { next: "Run it in a shell of your own." });
}
