import { AsyncResource } from "node:async_hooks";
import { CHOSEN, type Context, type ContractId, errorInfo, type Manifest, PlinthError } from "@plinth/sdk";
import type { CommandInput, TerminalItem } from "../command.ts";
import type { Installed, LiveAnswer, LiveRequest } from "./protocol.ts";

/**
 * `plinth live-host`: the inside of a live host. It does what the process that started it asks over their channel, and
 * ends when that one is gone, so that nothing stays behind.
 */
export async function* liveHost(ctx: Context, _: CommandInput): AsyncIterable<TerminalItem> {
  if (process.send === undefined) {
    throw new PlinthError("PLINTH_LIVE_HOST", "This command is started by `plinth dev` and `plinth check`.", { next: "Run one of them." });
  }
  const answer = (message: LiveAnswer): void => void (process.connected && process.send?.(message));
  // Messages arrive outside of any work; what they ask for is done in this command's.
  const receive = AsyncResource.bind(({ call, request }: { call: number; request: LiveRequest }) => {
    carryOut(ctx, request, (item) => answer({ call, type: "item", item })).then(
      (result) => answer({ call, type: "done", result }),
      (error) => answer({ call, type: "failed", error: errorInfo(error) }),
    );
  });
  const gone = new Promise<void>((resolve) => process.once("disconnect", resolve));
  process.on("message", receive);
  answer({ type: "ready" });
  yield { err: "" };
  await gone;
}

async function carryOut(ctx: Context, request: LiveRequest, tell: (item: unknown) => void): Promise<unknown> {
  switch (request.op) {
    case "install":
      return install(ctx, request);
    case "uninstall":
      return ctx.use("plinth.host-admin").one().uninstall({ id: request.id });
    case "call": {
      const client = ctx.use(request.contract as ContractId).get(request.id) as unknown as Record<string, (input: unknown) => unknown>;
      const method = Object.hasOwn(client, request.method) ? client[request.method] : undefined;
      if (method === undefined) {
        throw new PlinthError("PLINTH_METHOD_UNKNOWN", `${request.contract} has no method ${request.method}.`, {
          next: `It has ${Object.keys(client).join(", ")}.`,
        });
      }
      return followed(method(request.input), tell);
    }
    case "say":
      return followed(ctx.use("plinth.turns").one().submit({ text: request.text, surface: "dev", sessionKey: "dev" }), tell);
  }
}

async function install(ctx: Context, { dir, source, tier }: Extract<LiveRequest, { op: "install" }>): Promise<Installed> {
  const admin = ctx.use("plinth.host-admin").one();
  const { id, digest, consent } = await admin.inspect({ dir });
  // By force: it is set before there is anything of this id, so that the first start is already in this tier.
  if (tier !== undefined) await admin.configSet({ path: `extensions["${id}"].tier`, value: tier, force: true });
  const { version, generation } = await admin.install({
    dir,
    digest,
    consent: consent.hash,
    source,
    pinnedBy: "operator",
    reason: "being developed",
  });
  const { status, manifest } = await ctx.use("plinth.host").one().describe({ id });
  // Whoever develops it here wants it used.
  const chosen = CHOSEN.filter((contract) => (manifest as Manifest).provides?.some((one) => one.contract === contract));
  if (chosen.length > 0) await admin.grant({ id, chosen });
  return { id, version, tier: status.tier, generation };
}

/** A stream's items are told as they come; of anything else the result counts. */
async function followed(outcome: unknown, tell: (item: unknown) => void): Promise<unknown> {
  if (typeof outcome !== "object" || outcome === null || !(Symbol.asyncIterator in outcome)) return outcome;
  for await (const item of outcome as AsyncIterable<unknown>) tell(item);
  return undefined;
}
