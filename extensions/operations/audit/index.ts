import { type Call, defineExtension, PlinthError } from "@plinth/sdk";
import { AuditLog } from "./audit-log.ts";
import type { Limits } from "./journal.ts";
import { type Filter, KINDS } from "./record.ts";

export default defineExtension({
  activate(ctx) {
    const log = new AuditLog(ctx.dataDir, ctx.config as unknown as Limits, () => ctx.clock.now());
    ctx.effect("the audit log's file", () => log.close());
    const query = async (filter: Filter, call: Call) => {
      assertOwner(call);
      return { records: await log.query(filter, call.signal) };
    };
    ctx.provide("plinth.audit", "default", {
      async record({ records, dropped }, call) {
        // Whoever could write here could hide what it did among what others did.
        if (call.caller !== "host") throw refused(call.caller, "write to the audit log: only the host may");
        await log.append(records, dropped);
        return {};
      },
      query,
    });
    ctx.provide("plinth.gateway-method", "audit.query", { call: (params, call) => query(filterOf(params), call) });
    ctx.provide("plinth.cli-command", "audit", {
      async *run(input, call) {
        assertOwner(call);
        const { audit } = await import("./command.ts");
        yield* audit(log, input, () => ctx.clock.now(), call.signal);
      },
    });
  },
});

function assertOwner(call: Call): void {
  if (call.work?.principal.role === "owner") return;
  throw new PlinthError("PLINTH_NOT_OWNER", "Only the owner of this host may read the audit log.", { next: "Ask the owner to do it." });
}

function refused(caller: string, what: string): PlinthError {
  return new PlinthError("PLINTH_PERMISSION", `${caller} may not ${what}.`, { extension: caller, next: "Report it to the author of the extension." });
}

/** Parameters of a client, which may be anything. */
function filterOf(params: unknown): Filter {
  const given = Object.entries(params ?? {});
  const fine: { [name: string]: (value: unknown) => boolean } = {
    extension: (value) => typeof value === "string",
    kind: (value) => KINDS.some((kind) => kind === value),
    denied: (value) => typeof value === "boolean",
    since: (value) => Number.isFinite(value),
    limit: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000,
  };
  const wrong = given.find(([name, value]) => !Object.hasOwn(fine, name) || !fine[name]?.(value));
  if (wrong === undefined && (typeof params === "object" || params === undefined)) return Object.fromEntries(given);
  throw new PlinthError("PLINTH_USAGE", `audit.query does not understand ${JSON.stringify(wrong?.[0] ?? "that").slice(0, 60)}.`, {
    next: `It takes extension, kind (${KINDS.join(", ")}), denied, since (a number) and limit (1 to 10000).`,
  });
}
