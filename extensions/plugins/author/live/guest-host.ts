import { AsyncResource } from "node:async_hooks";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHOSEN, type Context, type ContractId, type ErrorInfo, errorInfo, type Manifest, PlinthError } from "@plinth/sdk";
import type { CommandInput, TerminalItem } from "../command.ts";
import type { Installed, LiveAnswer, LiveRequest } from "./protocol.ts";
import { STAND_IN, type StandInCall, type StandInSaid, writeStandIn } from "./stand-in.ts";

type CallRequest = Extract<LiveRequest, { op: "call" }>;

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
    case "call":
      return request.contract.startsWith("plinth.") ? followed(callOfProduct(ctx, request), tell) : callThroughStandIn(ctx, request, tell);
    case "say":
      return followed(ctx.use("plinth.turns").one().submit({ text: request.text, surface: "dev", sessionKey: "dev" }), tell);
  }
}

function callOfProduct(ctx: Context, { contract, id, method, input }: CallRequest): unknown {
  const client = ctx.use(contract as ContractId).get(id) as unknown as Record<string, (input: unknown) => unknown>;
  if (Object.hasOwn(client, method)) return client[method]!(input);
  throw new PlinthError("PLINTH_METHOD_UNKNOWN", `${contract} has no method ${method}.`, { next: `It has ${Object.keys(client).join(", ")}.` });
}

const reachable = new Set<string>();

async function callThroughStandIn(ctx: Context, { input, ...what }: CallRequest, tell: (item: unknown) => void): Promise<unknown> {
  if (!reachable.has(what.contract)) {
    reachable.add(what.contract);
    const into = await mkdtemp(join(tmpdir(), "plinth-caller-"));
    try {
      await install(ctx, { op: "install", dir: await writeStandIn(into, reachable.size, reachable), source: "live" });
    } finally {
      await rm(into, { recursive: true, force: true });
    }
  }
  const { op: _, ...call } = what;
  const options: StandInCall & Record<string, string> = { ...call, input: JSON.stringify(input ?? {}) };
  const terminal = { cwd: "/", json: true, tty: false, columns: 80, color: false, local: true };
  const said = ctx.use("plinth.cli-command").get(STAND_IN).run({ args: {}, options, terminal }) as AsyncIterable<{ result: StandInSaid }>;
  try {
    for await (const { result } of said) {
      if ("value" in result) return result.value;
      tell(result.item);
    }
  } catch (error) {
    throw givenWrong(errorInfo(error));
  }
  return undefined;
}

/** What somebody typed does not fit: that is theirs to correct, not the stand-in's author's. */
function givenWrong({ code, message, ...more }: ErrorInfo): PlinthError {
  const place = /^dev\.caller sent something that does not fit (.*)$/.exec(message)?.[1];
  if (code !== "PLINTH_PAYLOAD" || place === undefined) return new PlinthError(code, message, more);
  return new PlinthError(code, `What was given does not fit ${place}`, { next: "Correct the JSON that it is called with." });
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
