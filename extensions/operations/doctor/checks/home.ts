import type { Context, Finding, Provider } from "@plinth/sdk";
import { examineHome } from "@plinth/sdk/home";

/** Whether other users of the machine can get at the home. The launcher mends it, before anything reads what lies there. */
export function homeCheck(ctx: Context): Provider<"plinth.check"> {
  return {
    async examine() {
      const { home } = await ctx.use("plinth.host").one().status({});
      const findings = examineHome(home).map(({ code, severity, message, path, next }): Finding => {
        return { code, severity, owner: "host", what: `is not alone with ${path}`, why: message, next };
      });
      return { findings };
    },
  };
}
