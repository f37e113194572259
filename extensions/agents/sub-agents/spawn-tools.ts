import { type Call, type Context, PlinthError, type ToolResult, visible } from "@plinth/sdk";
import { answer, requesterOf, type ToolInput, text, texts } from "./answers.ts";
import type { Child } from "./child.ts";
import type { Children } from "./children.ts";

/** `sessions_spawn`. */
export async function spawn(children: Children, input: ToolInput, call: Call): Promise<ToolResult> {
  const requester = requesterOf(input, call);
  const { args } = input;
  const task = text(args.task)?.toWellFormed() ?? "";
  if (task.trim() === "") throw new PlinthError("PLINTH_TOOL_INPUT", "The task is empty.", { next: "Say what is to be done." });
  const agent = text(args.agentId) ?? requester.agent;
  const label = visible((text(args.label) ?? task.split("\n", 1)[0] ?? task).slice(0, 200), { max: 80 }).slice(0, 200);
  const model = text(args.model);
  const timeoutMs = typeof args.runTimeoutSeconds === "number" ? Math.round(args.runTimeoutSeconds * 1_000) : 0;
  const context = args.context === "fork" ? "fork" : "isolated";
  const child = await children.spawn({ task, label, context, agent, timeoutMs, ...(model === undefined ? {} : { model }) }, requester);
  const accepted = { status: "accepted", id: child.id, childSessionKey: child.key, context, depth: child.depth };
  return answer(`${JSON.stringify(accepted)}\nIt runs by itself. Its report comes as a message; go on, or end your turn and wait for it.`, accepted);
}

/** `subagents`: list, wait, cancel. */
export async function subagents(ctx: Context, children: Children, input: ToolInput, call: Call): Promise<ToolResult> {
  const { sessionKey } = requesterOf(input, call);
  const { args } = input;
  await assertNoLeaf(children, sessionKey);
  const below = children.below(sessionKey);
  const ids = texts(args.ids).slice(0, 32);
  const meant = ids.length === 0 ? below : below.filter(({ id }) => ids.includes(id));
  const unknown = ids.filter((id) => !below.some((child) => child.id === id));
  if (args.action === "wait") {
    const seconds = typeof args.timeoutSeconds === "number" ? Math.min(60, Math.max(0, args.timeoutSeconds)) : 30;
    const done = Promise.all(meant.map(({ over }) => over.promise));
    const timer = Promise.withResolvers<void>();
    const stop = setTimeout(() => timer.resolve(), seconds * 1_000);
    const abort = (): void => timer.resolve();
    call.signal.addEventListener("abort", abort, { once: true });
    await Promise.race([done, timer.promise]);
    clearTimeout(stop);
    call.signal.removeEventListener("abort", abort);
    call.signal.throwIfAborted();
  } else if (args.action === "cancel") {
    if (ids.length === 0) throw new PlinthError("PLINTH_TOOL_INPUT", "Say which: ids is empty.", { next: "The action list shows their ids." });
    for (const { id } of meant) await ctx.use("plinth.tasks").one().cancel({ id, why: "whoever asked for it ended it" });
    for (const child of meant) child.stop("cancelled");
    await Promise.all(meant.map(({ over }) => over.promise));
  }
  const rows = meant.map((child) => row(child, ctx.clock.now()));
  const gone = unknown.map((id) => ({ id, status: "not running: over, lost or none of yours" }));
  if (rows.length + gone.length === 0) return answer("No sub-agents of this conversation go on.", []);
  return answer([...rows, ...gone].map((one) => JSON.stringify(one)).join("\n"), [...rows, ...gone]);
}

export async function assertNoLeaf(children: Children, sessionKey: string): Promise<void> {
  if (!children.isLeaf(await children.depthOf(sessionKey))) return;
  throw new PlinthError("PLINTH_SUBAGENT_DEPTH", "A sub-agent as deep as this one looks after no sessions.", { next: "Do the task yourself." });
}

const row = ({ id, key, asked, status, outcome, depth, startedAt }: Child, now: number) => ({
  ...{ id, label: asked.label, status: status === "done" ? outcome : status, sessionKey: key, depth },
  seconds: Math.max(0, Math.round((now - startedAt) / 1_000)),
});
