import { type InteractionAnswer, type InteractionQuestion, type InteractionRequest, PlinthError, type Store } from "@plinth/sdk";

export interface Entry {
  request: InteractionRequest;
  answer: InteractionAnswer;
}

interface Open {
  request: InteractionRequest;
  /** The process that waits for the answer. */
  pid: number;
}

export interface Kept {
  days: number;
  /** Of each kind: answered by an owner, and by nobody. */
  entries: number;
}

const DAY_MS = 86_400_000;
/** Of the arguments, of a form and of what was filled in, in the history; while it is asked they are whole. */
const MAX_ARGS = 8_192;

/**
 * What was asked and what became of it, in `ctx.store`: under `open/` while it waits, under `owner/` once an owner has
 * answered, else under `other/`, so that no number of unanswered questions pushes out a decision.
 */
export class History {
  readonly #store: Store;
  readonly #kept: Kept;
  readonly #now: () => number;

  constructor(store: Store, kept: Kept, now: () => number) {
    this.#store = store;
    this.#kept = kept;
    this.#now = now;
  }

  async opened(request: InteractionRequest): Promise<void> {
    await this.#store.set(`open/${request.id}`, { request: shortened(request), pid: process.pid } satisfies Open, this.#kept.days * DAY_MS);
  }

  async closed(request: InteractionRequest, answer: InteractionAnswer): Promise<void> {
    const kind = answer.by.role === "owner" ? "owner" : "other";
    const key = `${kind}/${String(request.askedAt).padStart(15, "0")}-${request.id}`;
    await this.#store.set(key, { request: shortened(request), answer: shortenedAnswer(answer) } satisfies Entry, this.#kept.days * DAY_MS);
    await this.#store.delete(`open/${request.id}`);
    const keys = await this.#store.keys(`${kind}/`);
    for (const old of keys.slice(0, Math.max(0, keys.length - this.#kept.entries))) await this.#store.delete(old);
  }

  /** Newest first. */
  async list(
    { limit = 50, before = Number.POSITIVE_INFINITY }: { limit?: number; before?: number },
    isWanted: (entry: Entry) => boolean,
  ): Promise<Entry[]> {
    const keys = [...(await this.#store.keys("owner/")), ...(await this.#store.keys("other/"))];
    const wanted = keys.filter((key) => timeOf(key) < before).sort((a, b) => timeOf(b) - timeOf(a));
    const found: Entry[] = [];
    for (let at = 0; at < wanted.length && found.length < limit; at += limit)
      found.push(...(await this.#entries(wanted.slice(at, at + limit))).filter(isWanted));
    return found.slice(0, limit);
  }

  async find(id: string): Promise<Entry | undefined> {
    const keys = [...(await this.#store.keys("owner/")), ...(await this.#store.keys("other/"))];
    return (await this.#entries(keys.filter((key) => key.endsWith(`-${id}`)).slice(0, 1)))[0];
  }

  /** What waited in a process that is gone was never answered, and so denied. */
  async recover(isOpenHere: (id: string) => boolean): Promise<void> {
    for (const key of await this.#store.keys("open/")) {
      const open = await this.#store.get<Open>(key);
      if (open === undefined || isOpenHere(open.request.id)) continue;
      const at = this.#now();
      if (isAlive(open.pid) && open.request.expiresAt > at) continue;
      // Answered just before its process ended: that is on record.
      if ((await this.find(open.request.id)) !== undefined) await this.#store.delete(key);
      else
        await this.closed(open.request, {
          answer: "cancelled",
          by: { role: "system", via: "host-ended" },
          at,
          why: "The host ended before anybody answered.",
        });
    }
  }

  async #entries(keys: readonly string[]): Promise<Entry[]> {
    const entries = await Promise.all(keys.map((key) => this.#store.get<Entry>(key)));
    return entries.filter((entry) => entry !== undefined);
  }
}

export function unknown(id: string): PlinthError {
  return new PlinthError("PLINTH_INTERACTION_UNKNOWN", `Nothing with the id ${JSON.stringify(id.slice(0, 20))} was asked.`, {
    next: "`plinth approvals list` and `plinth questions list` show what waits for an answer.",
  });
}

const timeOf = (key: string): number => Number(/\/(\d+)-/.exec(key)?.[1] ?? 0);

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The digest still says exactly what it was. */
function shortened(request: InteractionRequest): InteractionRequest {
  if (request.kind !== "approval") return shortenedQuestion(request);
  const args = JSON.stringify(request.action.args);
  const subject = JSON.stringify(request.action.subject ?? {});
  if (args.length + subject.length <= MAX_ARGS) return request;
  const { subject: _, ...action } = request.action;
  return { ...request, action: { ...action, args: { shortened: `${args.slice(0, MAX_ARGS)}…` } } };
}

const shortenedQuestion = (question: InteractionQuestion): InteractionQuestion =>
  JSON.stringify(question.fields).length <= MAX_ARGS ? question : { ...question, fields: [] };

function shortenedAnswer(answer: InteractionAnswer): InteractionAnswer {
  const values = JSON.stringify(answer.values ?? {});
  return values.length <= MAX_ARGS ? answer : { ...answer, values: { shortened: `${values.slice(0, MAX_ARGS)}…` } };
}
