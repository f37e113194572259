import { type Context, errorInfo, type Finding, type Provider } from "@plinth/sdk";

/** What would hold third parties on this machine, whether or not there are some. */
export function wallsCheck(ctx: Context): Provider<"plinth.check"> {
  return {
    async examine() {
      const findings: Finding[] = [];
      for (const { id, extension } of await ctx.use("plinth.tier").list()) {
        const { level, detail } = await ctx
          .use("plinth.tier")
          .get(id)
          .enforcement({})
          .catch((thrown: unknown) => ({ level: "none" as const, detail: [errorInfo(thrown).message] }));
        if (level === "full") continue;
        const none = level === "none";
        findings.push({
          code: "PLINTH_TIER",
          // What is installed and runs without one is a problem, and told as its own.
          severity: "notice",
          owner: extension,
          what: none ? `has no wall for the tier ${id} here` : `holds the tier ${id} only in part here`,
          why: detail.join("; ") || "The machine does not have what it is made of.",
          next: "See what is missing: docs/security/walls.md. Until then, install nothing that you do not trust.",
        });
      }
      return { findings };
    },
  };
}
