import { defineExtension, type Effect, errorInfo } from "@plinth/sdk";
import { Allowances } from "./allowances.ts";
import { Authority } from "./authority.ts";
import { shellCommands } from "./shell.ts";

export default defineExtension({
  activate(ctx) {
    const now = () => ctx.clock.now();
    const allowances = new Allowances(ctx.store, now);
    const config = ctx.config as { ask?: Effect[] };
    const grants = ctx.use("plinth.host").one();
    const catalog = ctx.use("plinth.tool-catalog").one();
    /** Of a third party's package as it is installed now, and of all that its tool sets say now; undefined for who is none. */
    const digestOf = async (party: string): Promise<string | undefined> => {
      const { digest } = (await grants.grants({})).grants[party] ?? {};
      const { digest: said } = await catalog.digest({ party }).catch(() => ({ digest: undefined }));
      return said === undefined ? digest : `${digest ?? ""}+${said}`;
    };
    const authority = new Authority(ctx, allowances, digestOf, () => config.ask ?? []);
    ctx.provide("plinth.policy", "default", { check: (question, call) => authority.check(question, call) });
    for (const [id, run] of Object.entries(shellCommands(allowances, digestOf, now))) ctx.provide("plinth.cli-command", id, { run });
    ctx.hooks.on("generation.ready", async ({ removed }) => {
      for (const id of removed)
        if ((await digestOf(id)) === undefined)
          await allowances.revoke(id).catch((error) => ctx.log.warn("An allowance stayed.", { id, ...errorInfo(error) }));
    });
  },
});
