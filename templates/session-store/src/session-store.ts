import type { Clock, Provider, Store } from "@plinth/sdk";
import { append, busy, chainOf, endRun, fenced, type Session, unknownEntry } from "./session.ts";

const PREFIX = "session:";

/** Sessions in a key-value store, one value each. A conversation of thousands of entries wants a store of its own kind. */
export function sessionStore(store: Store, clock: Pick<Clock, "now">): Provider<"plinth.session-store"> {
  /** Runs that this process holds: a claim of another one was left behind by a crash. */
  const held = new Set<string>();
  const queues = new Map<string, Promise<unknown>>();

  async function load(key: string): Promise<Session> {
    const now = clock.now();
    const found = await store.get<Session>(PREFIX + key);
    if (found === undefined) return { key, head: null, createdAt: now, updatedAt: now, entries: [] };
    if (found.running !== undefined && !held.has(found.running)) {
      endRun(found, { kind: "run-end", status: "interrupted" }, now);
      await store.set(PREFIX + key, found);
    }
    return found;
  }

  /** Changes of one session one after the other; what throws changes nothing. */
  function change<T>(key: string, body: (session: Session) => T): Promise<T> {
    const after = (queues.get(key) ?? Promise.resolve()).catch(() => {});
    const done = after.then(async () => {
      const session = await load(key);
      const result = body(session);
      await store.set(PREFIX + key, session);
      return result;
    });
    queues.set(key, done);
    const forget = () => {
      if (queues.get(key) === done) queues.delete(key);
    };
    done.then(forget, forget);
    return done;
  }

  return {
    beginRun: ({ key, runId, message }) =>
      change(key, (session) => {
        if (session.running !== undefined) throw busy(key);
        session.running = runId;
        held.add(runId);
        append(session, message === undefined ? [] : [{ kind: "message", message }], clock.now(), runId);
        return { head: session.head };
      }),
    append: ({ key, runId, bodies }) =>
      change(key, (session) => {
        if (runId !== undefined && session.running !== runId) throw fenced(key, runId);
        append(session, bodies, clock.now(), runId);
        return { head: session.head as string };
      }),
    endRun: ({ key, runId, status, error, model }) =>
      change(key, (session) => {
        if (session.running !== runId) return {};
        const more = { ...(error === undefined ? {} : { error }), ...(model === undefined ? {} : { model }) };
        endRun(session, { kind: "run-end", status, ...more }, clock.now());
        held.delete(runId);
        return {};
      }),
    async history({ key, limit }) {
      await queues.get(key)?.catch(() => {});
      return { entries: chainOf(await load(key), limit) };
    },
    async list({ limit = 100, before = Number.POSITIVE_INFINITY }) {
      const all = await Promise.all((await store.keys(PREFIX)).map((name) => load(name.slice(PREFIX.length))));
      const wanted = all.filter(({ updatedAt }) => updatedAt < before).sort((a, b) => b.updatedAt - a.updatedAt);
      return { sessions: wanted.slice(0, limit).map(({ entries, ...session }) => ({ ...session, entries: entries.length })) };
    },
    setHead: ({ key, head }) =>
      change(key, (session) => {
        if (head !== null && !session.entries.some(({ id }) => id === head)) throw unknownEntry(key, head);
        session.head = head;
        return {};
      }),
  };
}
