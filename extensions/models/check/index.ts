import { type Call, type Client, defineExtension, PlinthError } from "@plinth/sdk";
import { check } from "./command.ts";
import { tryOut } from "./try.ts";

type Input = Parameters<Client<"plinth.cli-command">["run"]>[0];

export default defineExtension({
  activate(ctx) {
    const asOwner = (run: typeof check) => ({
      run(input: Input, call: Call) {
        if (call.work?.principal.role === "owner") return run(ctx, input, call.signal);
        throw new PlinthError("PLINTH_NOT_OWNER", "Models are asked in the owner's name, and cost.", { next: "Run it in a shell on the machine." });
      },
    });
    ctx.provide("plinth.cli-command", "models-check", asOwner(check));
    ctx.provide("plinth.cli-command", "models-try", asOwner(tryOut));
  },
});
