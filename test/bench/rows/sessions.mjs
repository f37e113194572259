import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { boot, runWork, Work } from "../../../dist/kernel/main.mjs";
import { median, newHome, onOneCore, root } from "../lab.mjs";

const ENTRIES = 10_000;
const SESSIONS = 10_000;
const ROUNDS = 9;
const PAGE = 1_000;
const TOPICS = ["kettle", "train", "garden", "letter", "harbour"];

/** Conversations through the store's contract, each beside the same rows in bare SQLite, in the same run. */
export const measure = (row) => onOneCore(() => measurePinned(row));

async function measurePinned(row) {
  const home = newHome();
  const bare = bareDatabase(join(newHome(), "bare.db"));
  const compare = (what, ours, theirs) => {
    row({ what: `sessions: ${what}`, value: ours, unit: "ms" });
    row({ what: "  the same in bare SQLite", value: theirs, unit: "ms" });
    row({ what: "  ours / bare", value: ours / theirs, unit: "times", budget: 3 });
  };
  await withStore(home, async (store) => {
    for (let at = 0; at < ENTRIES; at += PAGE) await store.append({ key: "long", bodies: Array.from({ length: PAGE }, (_, n) => bodyOf(at + n)) });
    for (let n = 0; n < SESSIONS; n++) await store.append({ key: `s${n}`, bodies: [bodyOf(n)] });
  });
  bare.fill();

  // A host that has read nothing yet opens the conversation; what a turn is shown is its last 200 entries.
  const opens = { all: [], last: [], bareAll: [], bareLast: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await withStore(home, async (store) => {
      await store.get({ key: "s1" });
      opens.last.push(await timed(() => store.history({ key: "long", limit: 200 })));
      opens.all.push(await timed(() => store.history({ key: "long", limit: ENTRIES })));
    });
    bare.reopen();
    opens.bareLast.push(await timed(() => bare.history(200)));
    opens.bareAll.push(await timed(() => bare.history(ENTRIES)));
  }
  compare("open one of 10,000 entries, the last 200", median(opens.last), median(opens.bareLast));
  compare("open one of 10,000 entries, all", median(opens.all), median(opens.bareAll));

  await withStore(home, async (store) => {
    const pairs = async (what, count, own, theirs) => {
      await own(0);
      await theirs(0);
      const times = { own: [], theirs: [] };
      for (let n = 1; n <= count; n++) {
        times.own.push(await timed(() => own(n)));
        times.theirs.push(await timed(() => theirs(n)));
      }
      compare(what, median(times.own), median(times.theirs));
    };
    await pairs(
      "append to it",
      300,
      (n) => store.append({ key: "long", bodies: [bodyOf(n)] }),
      (n) => bare.append(bodyOf(n)),
    );
    await pairs(
      "a page of 50 of 10,000 sessions",
      100,
      () => store.list({ limit: 50 }),
      () => bare.list(50),
    );
    await pairs(
      "a page of 1,000 of them",
      30,
      () => store.list({ limit: 1_000 }),
      () => bare.list(1_000),
    );
    const indexing = await timed(() => store.search({ text: "kettle 0" }));
    row({ what: "sessions: the first search, which indexes 20,000 entries", value: indexing, unit: "ms" });
    await pairs(
      "search 20,000 entries",
      50,
      (n) => store.search({ text: `${TOPICS[n % 5]} ${n}` }),
      (n) => bare.search(`"${TOPICS[n % 5]}" "${n}"*`),
    );
  });
  bare.close();
}

async function withStore(home, body) {
  const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
  await runWork(new Work("bench", { role: "owner", via: "bench" }, null), async () => {
    const entry = host.current.find("plinth.session-store", "sqlite");
    const call = (method) => (input) => entry.by.invoke(entry, method, input, {}, null);
    await body({ append: call("append"), get: call("get"), history: call("history"), list: call("list"), search: call("search") });
  });
  await host.stop();
}

/** The fewest tables that could do it, with the same durability. Rows become objects, as whoever asks wants them. */
function bareDatabase(file) {
  let db;
  let q;
  const open = () => {
    db = new DatabaseSync(file);
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096");
    db.exec(`CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY, key TEXT UNIQUE, updated INTEGER, facts TEXT);
      CREATE INDEX IF NOT EXISTS by_updated ON sessions (updated);
      CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, session INTEGER, at INTEGER, body TEXT);
      CREATE INDEX IF NOT EXISTS by_session ON entries (session, seq);
      CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, content = '', contentless_delete = 1)`);
    q = {
      session: db.prepare("SELECT id FROM sessions WHERE key = ?"),
      made: db.prepare("INSERT INTO sessions (key, updated, facts) VALUES (?, ?, '{}')"),
      insert: db.prepare("INSERT INTO entries (session, at, body) VALUES (?, ?, ?)"),
      update: db.prepare("UPDATE sessions SET updated = ? WHERE id = ?"),
      words: db.prepare("INSERT INTO words (rowid, text) VALUES (?, ?)"),
      history: db.prepare("SELECT seq, at, body FROM entries WHERE session = ? ORDER BY seq DESC LIMIT ?"),
      list: db.prepare("SELECT key, updated, facts FROM sessions ORDER BY updated DESC LIMIT ?"),
      search: db.prepare(`SELECT entries.seq, key, body FROM words JOIN entries ON entries.seq = words.rowid
        JOIN sessions ON sessions.id = entries.session WHERE words MATCH ? ORDER BY rank LIMIT 20`),
    };
  };
  const add = (session, body) => {
    const { lastInsertRowid } = q.insert.run(session, Date.now(), JSON.stringify(body));
    q.words.run(lastInsertRowid, body.message.content[0].text);
    q.update.run(Date.now(), session);
  };
  const within = (body) => {
    db.exec("BEGIN IMMEDIATE");
    body();
    db.exec("COMMIT");
  };
  open();
  return {
    fill: () =>
      within(() => {
        const long = q.made.run("long", 0).lastInsertRowid;
        for (let n = 0; n < ENTRIES; n++) add(long, bodyOf(n));
        for (let n = 0; n < SESSIONS; n++) add(q.made.run(`s${n}`, 0).lastInsertRowid, bodyOf(n));
      }),
    reopen: () => {
      db.close();
      open();
      q.session.get("s1");
    },
    history: (limit) => q.history.all(q.session.get("long").id, limit).map((one) => ({ ...one, body: JSON.parse(one.body) })),
    append: (body) => within(() => add(q.session.get("long").id, body)),
    list: (limit) => q.list.all(limit).map((one) => ({ ...one, facts: JSON.parse(one.facts) })),
    search: (match) => q.search.all(match).map((one) => ({ ...one, body: JSON.parse(one.body) })),
    close: () => db.close(),
  };
}

const bodyOf = (n) => ({
  kind: "message",
  message: {
    role: n % 2 === 0 ? "user" : "assistant",
    content: [{ type: "text", text: `${TOPICS[n % 5]} ${n}: ${"words that somebody said here ".repeat(8)}` }],
  },
});

async function timed(body) {
  const began = performance.now();
  await body();
  return performance.now() - began;
}
