import { createHash } from "node:crypto";
import { type ContentPart, type Context, errorInfo, type InboundItem, type SaidIn, type TurnEvent } from "@plinth/sdk";

export type End = Extract<TurnEvent, { type: "end" }>;

export type Interaction = Extract<TurnEvent, { type: "interaction" }>;

export interface Asked {
  text: string;
  /** The message in parts, where it is more than text. Asked for once it is to be submitted. */
  content?: () => Promise<ContentPart[] | undefined>;
  sessionKey: string;
  runId: string;
  channel: string;
  sender: string;
  kind: SaidIn;
}

const TRIES = 6;
const AGAIN_MS = 2_000;
/** Said of a turn that ended because its host, or a part of it, did. */
const CUT_OFF = new Set(["PLINTH_RUN_INTERRUPTED", "PLINTH_STOPPING", "PLINTH_GENERATION_ENDED"]);

/** What is done again when it fails, for a while. */
async function tried<T>(ctx: Context, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body();
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= TRIES) throw error;
      await ctx.clock.sleep(AGAIN_MS * attempt, signal);
    }
  }
}

/** Have a message answered. The run's id is the message's own: one that ran before is not run again, and its end is told. */
export async function runTurn(ctx: Context, asked: Asked, signal: AbortSignal, onInteraction: (step: Interaction) => void): Promise<End> {
  const { text, sessionKey, runId, channel, sender, kind } = asked;
  const content = await asked.content?.();
  const said = content === undefined ? { text } : { content };
  try {
    return await tried(ctx, signal, async () => {
      let end: End | undefined;
      // It goes on when this process leaves in an orderly way; what became of it is asked for at the next start.
      const events = ctx
        .use("plinth.turns")
        .one()
        .submit({ ...said, sessionKey, runId, surface: channel, sender, kind, detached: true }, { signal });
      for await (const event of events) {
        if (event.type === "end") end = event;
        else if (event.type === "interaction") onInteraction(event);
      }
      signal.throwIfAborted();
      if (end !== undefined) return end;
      throw new Error("The turn ended without an end.");
    });
  } catch (error) {
    signal.throwIfAborted();
    return { type: "end", status: "error", text: "", error: errorInfo(error) };
  }
}

export const isCutOff = ({ status, error }: End): boolean => status !== "ok" && error !== undefined && CUT_OFF.has(error.code);

/** Whether a run that was cut off called a tool: what it did may have had effects, so it is not done again. */
export async function usedTools(ctx: Context, key: string, runId: string): Promise<boolean> {
  try {
    const { entries } = await ctx.use("plinth.session-store").one().history({ key, limit: 200 });
    return entries.some((entry) => entry.runId === runId && entry.body.kind === "message" && entry.body.message.role === "tool");
  } catch {
    return true;
  }
}

/** An id for the turn of an event: the same event has the same one, whichever process asks. */
export function runIdOf(channel: string, account: string, event: string): string {
  return `ch-${createHash("sha256")
    .update(JSON.stringify([channel, account, event]))
    .digest("hex")
    .slice(0, 40)}`;
}

/** Which conversation of which agent an item belongs to. Within the work of its sender; undefined: nobody answers it. */
export async function routeOf(ctx: Context, { address, sender, within }: InboundItem, signal: AbortSignal): Promise<string | undefined> {
  const { peer, thread } = address;
  const asked = {
    ...{ surface: address.channel, address, kind: thread === undefined ? peer.kind : ("thread" as const) },
    ...(sender === undefined ? {} : { sender: sender.id, from: sender }),
    ...(within === undefined ? {} : { within }),
  };
  const { action, sessionKey, why } = await tried(ctx, signal, () => ctx.use("plinth.router").one().route(asked, { signal }));
  if (action === "refuse") ctx.log.warn("A message is answered by nobody.", { channel: address.channel, why });
  return action === "ignore" || action === "refuse" ? undefined : sessionKey;
}
