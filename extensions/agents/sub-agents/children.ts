import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { type Asked, announcement, Child, lostWords, type Requester } from "./child.ts";
import { conversationBefore } from "./forking.ts";
import { Lane } from "./lane.ts";
import { LastWords } from "./last-word.ts";
import { TaskRecord } from "./record.ts";

export interface Limits {
  /** How far below a conversation of people a sub-agent may be. */
  readonly maxDepth: number;
  /** How many one session may have at a time. */
  readonly maxChildren: number;
  /** How many run at a time, whoever asked. */
  readonly maxConcurrent: number;
  /** Agents that others may begin sub-agents of; `*`: all. */
  readonly allowAgents: readonly string[];
}

/** Said instead of a report: nobody is told. */
const SKIP = "ANNOUNCE_SKIP";
const RESULT_CHARS = 32_000;
const RETRY_MS = [15_000, 30_000, 60_000, 120_000, 300_000, 300_000, 300_000, 300_000, 300_000];
const KEY = /^agent:[^:]*:subagent:([0-9a-f]{16})$/;

/** Sub-agents: turns in sessions of their own, which their requesters do not wait for but are told of. */
export class Children {
  readonly #ctx: Context;
  readonly #limits: Limits;
  readonly #lane: Lane;
  readonly #words: LastWords;
  /** Those that go on, by the key of their session. */
  readonly #live = new Map<string, Child>();
  readonly #driving = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #spawning = new Map<string, number>();

  constructor(ctx: Context, limits: Limits) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#lane = new Lane(limits.maxConcurrent);
    this.#words = new LastWords(ctx);
  }

  /** Those below a session, the oldest first. */
  below(sessionKey: string): Child[] {
    return [...this.#live.values()].filter((child) => child.isBelow(sessionKey));
  }

  /** 0: a conversation of people. What nobody knows any more begins nothing. */
  async depthOf(sessionKey: string): Promise<number> {
    const known = this.#live.get(sessionKey);
    if (known !== undefined) return known.depth;
    const id = KEY.exec(sessionKey)?.[1];
    if (id === undefined) return 0;
    let depth = 1;
    try {
      for (let at: string | undefined = id; at !== undefined && depth <= this.#limits.maxDepth; depth++) {
        at = (await this.#ctx.use("plinth.tasks").one().get({ id: at })).task.parent;
        if (at === undefined) return depth;
      }
    } catch {
      // Not in the ledger any more.
    }
    return this.#limits.maxDepth;
  }

  isLeaf(depth: number): boolean {
    return depth >= this.#limits.maxDepth;
  }

  /** Resolves when it is in the ledger and has a session; nobody waits for what comes of it. */
  async spawn(asked: Asked, requester: Requester): Promise<Child> {
    const { sessionKey, runId } = requester;
    const { agent } = asked;
    const parent = this.#live.get(sessionKey);
    await this.#assertAgent(agent, requester.agent);
    const depth = (await this.depthOf(sessionKey)) + 1;
    if (depth > this.#limits.maxDepth) throw tooDeep(this.#limits.maxDepth);
    const leave = this.#enter(sessionKey);
    try {
      const id = randomBytes(8).toString("hex");
      const key = `agent:${agent}:subagent:${id}`;
      const facts = { ...(parent === undefined ? {} : { parent: parent.id }), ...(runId === undefined ? {} : { runId }) };
      const record = await TaskRecord.begin(this.#ctx, { id, kind: "subagent", title: asked.label, sessionKey, deliverTo: sessionKey, ...facts });
      try {
        const store = this.#ctx.use("plinth.session-store").one();
        const at = asked.context === "fork" ? await conversationBefore(store, sessionKey, runId) : undefined;
        if (at !== undefined) await store.fork({ key: sessionKey, to: key, at, title: asked.label });
        else await store.create({ key, title: asked.label, parent: sessionKey });
        // Those of a child are told of with it.
        if (parent === undefined) await this.#words.add(`${id}-told`, sessionKey, lostWords(id, asked.label));
      } catch (error) {
        await record.say({ status: "failed", error: errorInfo(error) }).catch(() => {});
        throw error;
      }
      const child = new Child({ id, key, depth, asked, requester, parent, record, startedAt: this.#ctx.clock.now() });
      this.#live.set(key, child);
      parent?.children.add(child);
      if (parent?.signal.aborted) child.stop("cancelled");
      record.watch(() => child.stop("cancelled"));
      child.told = this.#drive(child);
      this.#driving.add(child.told);
      void child.told.finally(() => this.#driving.delete(child.told));
      return child;
    } finally {
      leave();
    }
  }

  /** What the host's stop interrupts is lost; the next host says so. */
  async close(): Promise<void> {
    this.#stopping.abort();
    for (const child of this.#live.values()) child.stop("stopping");
    await Promise.all(this.#driving);
    await this.#words.leave();
  }

  /** Another agent may have more tools than the one that asks: the owner says which may be asked for. */
  async #assertAgent(agent: string, own: string): Promise<void> {
    const { allowAgents } = this.#limits;
    if (agent === own) return;
    const { agents } = await this.#ctx.use("plinth.router").one().agents({});
    if ((allowAgents.includes("*") || allowAgents.includes(agent)) && agents.some(({ id }) => id === agent)) return;
    throw otherAgent(agent);
  }

  #enter(sessionKey: string): () => void {
    const begun = this.#spawning.get(sessionKey) ?? 0;
    const count = [...this.#live.values()].filter((child) => child.requester.sessionKey === sessionKey).length + begun;
    if (count >= this.#limits.maxChildren) throw tooMany(this.#limits.maxChildren);
    this.#spawning.set(sessionKey, begun + 1);
    return () => {
      const left = (this.#spawning.get(sessionKey) ?? 1) - 1;
      if (left === 0) this.#spawning.delete(sessionKey);
      else this.#spawning.set(sessionKey, left);
    };
  }

  /** Never rejects. */
  async #drive(child: Child): Promise<void> {
    const { timeoutMs } = child.asked;
    const timer = timeoutMs > 0 ? setTimeout(() => child.stop("timeout"), timeoutMs).unref() : undefined;
    try {
      const leave = await this.#lane.enter(child.signal);
      try {
        child.status = "running";
        await child.record.say({ status: "running" });
        await this.#turn(child);
      } finally {
        leave();
      }
      // What its own children report may change what it says in the end.
      if (child.children.size > 0) {
        child.status = "waiting";
        await child.record.say({ status: "waiting" });
      }
      while (child.children.size > 0) await Promise.all([...child.children].map(({ told }) => told));
    } catch (error) {
      if (!child.signal.aborted) Object.assign(child, { outcome: "error", error: errorInfo(error) });
    } finally {
      clearTimeout(timer);
    }
    try {
      await this.#end(child);
    } catch (error) {
      this.#ctx.log.warn("What became of a sub-agent could not be told.", { id: child.id, ...errorInfo(error) });
      // The ledger has it as lost, and so it is told.
      this.#words.drop(`${child.id}-told`);
    } finally {
      child.record.over();
      child.over.resolve();
      child.parent?.children.delete(child);
      this.#live.delete(child.key);
    }
  }

  /** In its requester's name, with all who had a hand in the request; what it meets itself lowers nobody else before they read it. */
  async #turn(child: Child): Promise<void> {
    const { id, key, asked, requester } = child;
    const { principal, influences } = requester;
    const run = async (): Promise<void> => {
      for (const { party, how } of principal?.role === "owner" ? influences : []) await this.#ctx.lower(party, how);
      const model = asked.model === undefined ? {} : { model: asked.model };
      const input = {
        text: asked.task,
        sessionKey: key,
        runId: id,
        surface: "sub-agent",
        kind: "agent" as const,
        system: this.#system(child),
        commands: false,
        share: "subagent" as const,
        ...model,
      };
      for await (const event of this.#ctx.use("plinth.turns").one().submit(input, { signal: child.signal })) {
        if (event.type !== "end") continue;
        this.#heard(child, event);
        if (event.status !== "ok") child.error = event.error;
        if (event.status !== "ok" && !child.signal.aborted) child.outcome = event.error?.code === "PLINTH_STOPPING" ? "stopping" : "error";
      }
    };
    if (principal?.role !== "owner") return run();
    await this.#ctx.work({ ...principal, via: `requester:${principal.via}` }, run);
  }

  #heard(
    child: Child,
    event: { text: string; usage?: { inputTokens?: number; outputTokens?: number }; origin?: { influences?: Child["influences"] } },
  ) {
    if (event.text !== "") child.text = event.text;
    child.tokens += (event.usage?.inputTokens ?? 0) + (event.usage?.outputTokens ?? 0);
    const more = event.origin?.influences ?? [];
    child.influences = [...child.influences, ...more.filter(({ party }) => !child.influences.some((one) => one.party === party))];
  }

  #system({ depth, asked }: Child): string {
    const may = this.isLeaf(depth)
      ? "You begin no sub-agents yourself."
      : "You may begin sub-agents of your own; their reports come to you as messages.";
    return `You are a sub-agent (${JSON.stringify(asked.label)}). The message is your whole task. Nobody reads along: do it, then answer once with what whoever asked needs to know, in plain words. That answer is your report. ${may}`;
  }

  async #end(child: Child): Promise<void> {
    const { record, error, outcome } = child;
    child.status = "done";
    child.over.resolve();
    // It is not known what came of it: its claim expires, and the next host tells whoever waits.
    if (outcome === "stopping") return;
    const status = outcome === "ok" ? "done" : outcome === "cancelled" ? "cancelled" : "failed";
    const result = child.text === "" ? {} : { result: [{ type: "text" as const, text: child.text.slice(0, RESULT_CHARS).toWellFormed() }] };
    const failed = outcome === "timeout" ? timedOut(child.asked.timeoutMs) : error;
    child.error = status === "failed" ? failed : undefined;
    await record.say({ status, ...result, ...(child.error === undefined ? {} : { error: child.error }) });
    const silent = outcome === "cancelled" || child.text.trim() === SKIP;
    const told = silent ? "suppressed" : (await this.#announce(child)) ? "sent" : "failed";
    await this.#words.take(`${child.id}-told`);
    await record.delivered(told);
  }

  /** Into the requester's running turn where nobody else had a hand in the report, else as a message of its own. False: it could not be. */
  async #announce(child: Child): Promise<boolean> {
    for (const wait of [...RETRY_MS, 0]) {
      // Whoever asked is gone with its own report.
      if (child.parent?.signal.aborted) return false;
      try {
        await this.#tell(child);
        return true;
      } catch (error) {
        if (this.#stopping.signal.aborted || wait === 0) return false;
        this.#ctx.log.warn("A sub-agent's report could not be told yet.", { id: child.id, ...errorInfo(error) });
      }
      await sleep(wait, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
    }
    return false;
  }

  async #tell(child: Child): Promise<void> {
    const { requester, parent, id } = child;
    const run = async (): Promise<void> => {
      for (const { party, how } of child.influences) await this.#ctx.lower(party, how);
      const text = announcement(child, this.#ctx.clock.now());
      const input = { text, sessionKey: requester.sessionKey, runId: `${id}-told`, surface: "sub-agent", mode: "steer" as const, commands: false };
      const events = this.#ctx
        .use("plinth.turns")
        .one()
        .submit({ ...input, share: "subagent", detached: true });
      for await (const event of events) {
        // It is stored. A conversation of people goes on by itself; what a child makes of it is part of its own report.
        if (event.type === "start" && parent === undefined) return;
        if (event.type === "end" && parent !== undefined) this.#heard(parent, event);
      }
    };
    const { principal } = requester;
    if (principal === undefined || principal.role === "system") return run();
    await this.#ctx.work(principal, run);
  }
}

const otherAgent = (agent: string): PlinthError =>
  new PlinthError("PLINTH_SUBAGENT_AGENT", `Sub-agents of the agent ${JSON.stringify(agent.slice(0, 80))} may not be begun here.`, {
    next: "Leave agentId out; the owner allows others with allowAgents.",
  });

const tooDeep = (most: number): PlinthError =>
  new PlinthError("PLINTH_SUBAGENT_DEPTH", `Sub-agents are at most ${most} deep: this one begins no more.`, { next: "Do it yourself." });

const tooMany = (most: number): PlinthError =>
  new PlinthError("PLINTH_SUBAGENT_LIMIT", `This session has ${most} sub-agents, which is all that it may have at a time.`, {
    next: "Wait for one of them to end, or cancel one.",
  });

const timedOut = (ms: number) => ({ code: "PLINTH_SUBAGENT_TIMEOUT", message: `It took longer than the ${Math.round(ms / 1_000)} s that it had.` });
