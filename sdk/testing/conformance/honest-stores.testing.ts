// Small honest providers of contracts that nobody provides yet: those that keep something, in memory.
import { Feed } from "../../extension/feed.ts";
import { textOf } from "../../extension/index.ts";
import { no, type Provider, raise } from "./honest.testing.ts";

type Any = any;

const within = (scopes: Any[] | undefined, { kind, id }: Any): boolean =>
  scopes === undefined || scopes.some((one) => one.kind === kind && one.id === id);

export function memory(): Provider {
  const all: Any[] = [];
  const keys = new Map<string, string[]>();
  const live = ({ id, expiresAt = Number.POSITIVE_INFINITY }: Any) =>
    expiresAt > Date.now() && !all.some(({ supersedes = [] }) => supersedes.includes(id));
  const find = (id: string, scopes: Any[]): Any => {
    const found = all.find((one) => one.id === id && within(scopes, one.scope));
    if (found === undefined) throw no("PLINTH_MEMORY_UNKNOWN");
    return found;
  };
  return {
    write({ memories, key = "" }) {
      const known = keys.get(key);
      if (known !== undefined) return { ids: known };
      const made = memories.map((one: Any, n: number) => ({ ...one, id: `m${all.length + n}`, createdAt: Date.now(), trust: "trusted" }));
      all.push(...made);
      const ids = made.map(({ id }: Any) => id);
      if (key !== "") keys.set(key, ids);
      return { ids };
    },
    search({ query, scopes, tags, limit = 6 }) {
      const words: string[] = query.toLowerCase().match(/\w+/g) ?? [];
      const hits = all
        .filter((one) => within(scopes, one.scope) && live(one) && (tags === undefined || one.tags?.some((tag: string) => tags.includes(tag))))
        .map((one) => ({ memory: one, snippet: one.text.slice(0, 100), score: words.filter((word) => one.text.toLowerCase().includes(word)).length }))
        .filter(({ score }) => score > 0)
        .sort((a, b) => b.score - a.score);
      return { hits: hits.slice(0, limit).map((hit) => ({ ...hit, score: hit.score / words.length })) };
    },
    read({ id = "", scopes, from = 1, lines = 10_000 }) {
      const found = find(id, scopes);
      const every = found.text.split("\n");
      const next = from + lines;
      return { text: every.slice(from - 1, next - 1).join("\n"), memory: found, ...(next <= every.length ? { next } : {}) };
    },
    list({ scopes, limit = 100, cursor = "0" }) {
      const mine = all.filter((one) => within(scopes, one.scope)).reverse();
      const end = Number(cursor) + limit;
      return { memories: mine.slice(Number(cursor), end), ...(end < mine.length ? { next: String(end) } : {}) };
    },
    forget({ scopes, ids }) {
      const gone = all.filter((one) => within(scopes, one.scope) && (ids === undefined || ids.includes(one.id)));
      for (const one of gone) all.splice(all.indexOf(one), 1);
      return { forgotten: gone.length };
    },
    status: () => ({ ready: true, memories: all.length, index: "none" }),
    async *export({ scopes }) {
      yield* all.filter((one) => within(scopes, one.scope));
    },
  };
}

/** The next times of five fields of numbers and stars. */
function cronTimes(cron: string, zone: string | undefined, count: number): number[] {
  const fields = cron.split(" ");
  const most = [59, 23, 31, 12, 7];
  if (fields.length !== 5 || fields.some((field, at) => field !== "*" && !(Number(field) <= most[at]!))) throw no("PLINTH_JOB_SCHEDULE");
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const times: number[] = [];
  const start = Math.ceil(Date.now() / 60_000) * 60_000;
  for (let at = start; times.length < count && at < start + 10 * 86_400_000; at += 60_000) {
    const [hour, minute] = format.format(at).split(":").map(Number);
    if ((fields[0] === "*" || Number(fields[0]) === minute) && (fields[1] === "*" || Number(fields[1]) === hour)) times.push(at);
  }
  return times;
}

export function scheduler(): Provider {
  const jobs = new Map<string, Any>();
  const runs: Any[] = [];
  const due = (schedule: Any, count = 1): number[] => {
    if (schedule.kind === "every") return Array.from({ length: count }, (_, n) => Date.now() + (n + 1) * schedule.everyMs);
    if (schedule.kind === "cron") {
      try {
        return cronTimes(schedule.cron, schedule.zone, count);
      } catch {
        throw no("PLINTH_JOB_SCHEDULE");
      }
    }
    if (schedule.at <= Date.now()) throw no("PLINTH_JOB_SCHEDULE");
    return [schedule.at];
  };
  const get = (id: string): Any => jobs.get(id) ?? raise(no("PLINTH_JOB_UNKNOWN"));
  const put = (job: Any): Any => {
    const { next: _next, ...rest } = job;
    const kept = { ...rest, ...(job.enabled ? { next: due(job.schedule)[0] } : {}) };
    jobs.set(job.id, kept);
    return kept;
  };
  return {
    add({ id = `j${jobs.size}`, enabled = true, ...settings }) {
      if (jobs.has(id)) return { job: jobs.get(id), fresh: false };
      due(settings.schedule);
      return { job: put({ ...settings, id, enabled, revision: 1, owner: "test", createdAt: Date.now() }), fresh: true };
    },
    update({ id, revision, change }) {
      const job = get(id);
      if (job.revision !== revision) throw no("PLINTH_JOB_MOVED");
      return { job: put({ ...job, ...change, revision: revision + 1 }) };
    },
    remove: ({ id }) => ({ removed: jobs.delete(id) }),
    get: ({ id }) => ({ job: get(id) }),
    list: () => ({ jobs: [...jobs.values()].sort((a, b) => (a.next ?? Number.MAX_VALUE) - (b.next ?? Number.MAX_VALUE)) }),
    run({ id }) {
      get(id);
      const run = { id: `r${runs.length}`, job: id, due: Date.now(), startedAt: Date.now(), status: "ok", by: "hand" };
      runs.unshift(run);
      return { run };
    },
    runs: ({ id }) => ({ runs: runs.filter(({ job }) => job === id) }),
    due: ({ schedule, count }) => ({ times: due(schedule, count) }),
  };
}

export function delivery(arrivals: string[]): Provider {
  const all = new Map<string, Any>();
  const docks = new Map<string, Any>();
  return {
    route: ({ sessionKey }) => ({ to: docks.get(sessionKey) ?? null, docked: docks.has(sessionKey) }),
    send({ key, to, sessionKey, content, expiresAt = Number.POSITIVE_INFINITY }) {
      const known = all.get(key);
      if (known !== undefined) return { delivery: known, fresh: false };
      const where = to ?? docks.get(sessionKey);
      if (where === undefined) throw no("PLINTH_DELIVERY_ROUTE");
      const at = Date.now();
      const late = expiresAt < at;
      if (!late) arrivals.push(textOf(content));
      const made = { key, to: where, status: late ? "suppressed" : "sent", attempts: late ? 0 : 1, createdAt: at, updatedAt: at, owner: "test" };
      all.set(key, late ? made : { ...made, receipt: { status: "sent", messages: [{ id: key }] } });
      return { delivery: all.get(key), fresh: true };
    },
    get: ({ key }) => ({ delivery: all.get(key) ?? raise(no("PLINTH_DELIVERY_UNKNOWN")) }),
    list: () => ({ deliveries: [...all.values()].reverse() }),
    withdraw: () => ({ withdrawn: false }),
    dock({ sessionKey, to }) {
      if (to === null) docks.delete(sessionKey);
      else docks.set(sessionKey, to);
      return { to };
    },
  };
}

export function credentials(asked: { count: number }): Provider {
  const all: Any[] = ["a", "b"].map((name) => ({ id: `acme:${name}`, vendor: "acme", kind: name === "a" ? "oauth" : "key", until: 0, expiresAt: 1 }));
  let order: string[] = [];
  const sessions = new Map<string, string>();
  let refreshing: Promise<boolean> | undefined;
  const shown = ({ until, expiresAt, disabled, ...one }: Any) => {
    const out = order.length > 0 && !order.includes(one.id);
    const reason = disabled ? "disabled" : until > Date.now() ? "cooldown" : out ? "left-out" : "ok";
    return { ...one, ...(until > 0 ? { until } : {}), expiresAt, usable: reason === "ok", reason };
  };
  const get = (id: string): Any => all.find((one) => one.id === id) ?? raise(no("PLINTH_CREDENTIAL_UNKNOWN"));
  return {
    list: () => ({ credentials: all.map(shown) }),
    choose({ sessionKey = "" }) {
      const every = all.map(shown);
      const usable = every.filter((one) => one.usable);
      const kept = sessions.get(sessionKey);
      usable.sort((a, b) => Number(b.id === kept) - Number(a.id === kept));
      if (sessionKey !== "" && usable[0] !== undefined) sessions.set(sessionKey, usable[0].id);
      return { order: usable, passed: every.filter((one) => !one.usable) };
    },
    report({ id, outcome, retryAfterMs = 30_000 }) {
      const one = get(id);
      one.until = outcome === "rate" ? Date.now() + retryAfterMs : 0;
      one.disabled = outcome === "billing";
      return { credential: shown(one) };
    },
    async refresh({ id }) {
      const one = get(id);
      const fresh = one.expiresAt > Date.now() + 60_000;
      if (!fresh) {
        refreshing ??= new Promise((resolve) => {
          asked.count++;
          setTimeout(() => {
            one.expiresAt = Date.now() + 3_600_000;
            resolve(true);
          }, 5);
        });
        await refreshing;
      }
      return { credential: shown(one), refreshed: !fresh };
    },
    order({ ids }) {
      order = ids;
      return {};
    },
    remove: ({ id }) => ({ removed: all.some((one) => one.id === id) }),
  };
}

export function tasks(): Provider {
  const all = new Map<string, Any>();
  const order: string[] = [];
  const claims = new Map<string, { fence: number; until: number }>();
  const OVER = new Set(["done", "failed", "cancelled", "lost"]);
  const touch = (task: Any, change: Any): Any => {
    const made = { ...task, ...change, revision: task.revision + 1, updatedAt: Date.now() };
    all.set(made.id, made);
    order.splice(order.indexOf(made.id), 1);
    order.push(made.id);
    return made;
  };
  const get = (id: string): Any => {
    const task = all.get(id) ?? raise(no("PLINTH_TASK_UNKNOWN"));
    const claim = claims.get(id);
    return claim !== undefined && claim.until < Date.now() && !OVER.has(task.status) ? touch(task, { status: "lost" }) : task;
  };
  return {
    create({ deliverTo, ...input }) {
      if (all.has(input.id)) return { task: get(input.id), fresh: false };
      const parent = input.parent === undefined ? undefined : get(input.parent);
      if (parent?.cancel !== undefined || OVER.has(parent?.status)) throw no("PLINTH_TASK_OVER");
      const at = Date.now();
      const more = deliverTo === undefined ? {} : { delivery: { to: deliverTo, status: "pending" } };
      const task = { ...input, ...more, revision: 1, status: "queued", owner: "test", createdAt: at, updatedAt: at };
      all.set(task.id, task);
      order.push(task.id);
      return { task, fresh: true };
    },
    claim({ id, ttlMs, fence }) {
      const task = get(id);
      if (OVER.has(task.status)) throw no("PLINTH_TASK_OVER");
      const held = claims.get(id);
      if (held !== undefined && held.fence !== fence) throw no("PLINTH_TASK_FENCED");
      const claim = { fence: (held?.fence ?? 0) + (held === undefined ? 1 : 0), until: Date.now() + ttlMs };
      claims.set(id, claim);
      return { task, fence: claim.fence, expiresAt: claim.until };
    },
    update({ id, fence, revision, ...change }) {
      const task = get(id);
      if (OVER.has(task.status)) throw no("PLINTH_TASK_OVER");
      if (claims.get(id)?.fence !== fence) throw no("PLINTH_TASK_FENCED");
      if (task.revision !== revision) throw no("PLINTH_TASK_MOVED");
      return { task: touch(task, change) };
    },
    cancel({ id, why }) {
      const task = get(id);
      if (OVER.has(task.status)) return { asked: false };
      const cancel = { at: Date.now(), by: "test", ...(why === undefined ? {} : { why }) };
      touch(task, claims.has(id) ? { cancel } : { cancel, status: "cancelled" });
      for (const child of all.values()) if (child.parent === id) this.cancel!({ id: child.id, why }, undefined as never);
      return { asked: true };
    },
    delivered({ id, status }) {
      const task = get(id);
      return { task: task.delivery.status === "unknown" ? task : touch(task, { delivery: { ...task.delivery, status } }) };
    },
    get: ({ id }) => ({ task: get(id), changes: [] }),
    list({ status, parent }) {
      const found = [...order].reverse().map(get);
      return {
        tasks: found.filter((one) => (status === undefined || status.includes(one.status)) && (parent === undefined || one.parent === parent)),
      };
    },
  };
}

export function eventLog(): Provider {
  const families = new Map<string, { keep: number; gone: string }>();
  const events: Any[] = [];
  const keys = new Map<string, string[]>();
  const watchers = new Set<Feed<Any>>();
  let last = 0;
  const read = ({ families: wanted, after = "" }: Any): Any[] => {
    if (wanted.some((one: string) => after !== "" && after < (families.get(one)?.gone ?? ""))) throw no("PLINTH_CURSOR_GONE");
    return events.filter(({ family, id }) => wanted.includes(family) && id > after);
  };
  return {
    define({ family, keepEvents = 1_000 }) {
      families.set(family, { keep: keepEvents, gone: "" });
      return {};
    },
    append({ family, events: added, idempotencyKey = "" }) {
      const facts = families.get(family) ?? raise(no("PLINTH_FAMILY_UNKNOWN"));
      const known = keys.get(idempotencyKey);
      if (known !== undefined) return { ids: known };
      const made = added.map((one: Any) => ({ ...one, family, id: String(++last).padStart(9, "0"), at: Date.now(), by: "test" }));
      events.push(...made);
      for (const watcher of watchers) for (const one of made) watcher.push(one);
      for (let own = read({ families: [family] }); own.length > facts.keep; own = own.slice(1)) {
        events.splice(events.indexOf(own[0]), 1);
        facts.gone = own[0].id;
      }
      const ids = made.map(({ id }: Any) => id);
      if (idempotencyKey !== "") keys.set(idempotencyKey, ids);
      return { ids };
    },
    read: (input) => ({ events: read(input) }),
    async *follow(input, { signal }) {
      const feed = new Feed<Any>();
      watchers.add(feed);
      signal.addEventListener("abort", () => feed.end());
      yield* read(input);
      yield* feed.read();
    },
  };
}
