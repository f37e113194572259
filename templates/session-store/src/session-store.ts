import type { Clock, Provider, Store } from "@plinth/sdk";
import { append, chainOf, checkHead, claim, closeExpired, held, release, type Session, summary, unknownEntry } from "./session.ts";

const PREFIX = "session:";
const COUNTER = "seq";

/** Sessions in a key-value store, one value each. A conversation of thousands of entries wants a store of its own kind. */
export function sessionStore(store: Store, clock: Pick<Clock, "now">): Provider<"plinth.session-store"> {
  let changes: Promise<unknown> = Promise.resolve();

  const load = async (key: string): Promise<Session> => {
    const now = clock.now();
    const empty: Session = { key, head: null, fence: 0, changed: 0, createdAt: now, updatedAt: now, entries: [], appended: {} };
    return (await store.get<Session>(PREFIX + key)) ?? empty;
  };

  /** Changes one after the other, because one number orders the entries of all sessions; what throws changes nothing. */
  function change<T>(key: string, body: (session: Session, now: number) => T): Promise<T> {
    const done = changes
      .catch(() => {})
      .then(async () => {
        const session = await load(key);
        session.changed = (await store.get<number>(COUNTER)) ?? 0;
        const result = body(session, clock.now());
        session.changed++;
        await store.set(COUNTER, session.changed);
        await store.set(PREFIX + key, session);
        return result;
      });
    changes = done;
    return done;
  }

  return {
    claim: ({ key, runId, ttlMs, message, replyTo, externalId, expectedHead }) =>
      change(key, (session, now) => {
        claim(session, runId, now + ttlMs, now);
        checkHead(session, expectedHead);
        const more = { ...(replyTo === undefined ? {} : { replyTo }), ...(externalId === undefined ? {} : { externalId }) };
        append(session, message === undefined ? [] : [{ kind: "message", message, ...more }], now, runId);
        return { fence: session.fence, head: session.head, expiresAt: now + ttlMs };
      }),
    renew: ({ key, runId, fence, ttlMs }) =>
      change(key, (session, now) => {
        held(session, runId, fence).expiresAt = now + ttlMs;
        return { expiresAt: now + ttlMs };
      }),
    append: ({ key, runId, fence, bodies, idempotencyKey, expectedHead }, call) =>
      change(key, (session, now) => {
        if (runId !== undefined) held(session, runId, fence);
        const known = idempotencyKey === undefined ? undefined : session.appended[`k:${idempotencyKey}`];
        if (known !== undefined) return { head: known };
        checkHead(session, expectedHead);
        // Whose an extension's own entry is, the host says.
        append(session, bodies.map((body) => (body.kind === "custom" ? { ...body, owner: call?.caller ?? "host" } : body)), now, runId);
        if (idempotencyKey !== undefined) session.appended[`k:${idempotencyKey}`] = session.head as string;
        return { head: session.head as string };
      }),
    release: ({ key, runId, fence, bodies = [], status, error, model, usage }) =>
      change(key, (session, now) => {
        const facts = { ...(error === undefined ? {} : { error }), ...(model === undefined ? {} : { model }), ...(usage === undefined ? {} : { usage }) };
        release(session, runId, fence, bodies, { kind: "run-end", status, ...facts }, now);
        return {};
      }),
    async history({ key, limit, before }) {
      await changes.catch(() => {});
      return { entries: chainOf(await load(key), limit, before) };
    },
    async list({ limit = 100, cursor = "Infinity", prefix = "" }) {
      await changes.catch(() => {});
      const all = await Promise.all((await store.keys(PREFIX + prefix)).map((name) => load(name.slice(PREFIX.length))));
      const wanted = all.filter(({ changed }) => changed < Number(cursor)).sort((a, b) => b.changed - a.changed);
      const page = wanted.slice(0, limit);
      return { sessions: page.map((one) => summary(one, clock.now())), ...(wanted.length > limit ? { next: String(page.at(-1)?.changed) } : {}) };
    },
    setHead: ({ key, head }) =>
      change(key, (session, now) => {
        if (head !== null && !session.entries.some(({ id }) => id === head)) throw unknownEntry(key, head);
        closeExpired(session, now);
        session.head = head;
        return {};
      }),
  };
}
