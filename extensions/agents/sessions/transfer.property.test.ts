import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageOrigin, TranscriptEntry } from "@plinth/sdk";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SessionStore } from "./store.ts";

const owner = { origin: { by: "owner", via: "test" } as MessageOrigin, payer: null };
let dir: string;
let store: SessionStore;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "plinth-transfer-"));
  store = await SessionStore.open({ dir });
});
afterEach(() => {
  store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What to write below which of the entries that are there; the number names one of them, or nothing. */
const step = fc.record({
  below: fc.option(fc.nat(40)),
  names: fc.nat(40),
  kind: fc.constantFrom("message", "command", "compaction", "label", "repair", "reset", "custom"),
  text: fc.string({ unit: "grapheme", maxLength: 40 }),
  by: fc.constantFrom<MessageOrigin>({ by: "owner", via: "page" }, { by: "guest", via: "telegram" }, { by: "system" }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function bodyOf({ kind, text }: Step, named: string | undefined): TranscriptEntry["body"] {
  if (named === undefined) return { kind: "command", command: text, answer: text };
  switch (kind) {
    case "message":
      return { kind, message: { role: "user", content: [{ type: "text", text }] } };
    case "compaction":
      return { kind, summary: text, firstKept: named };
    case "label":
      return { kind, entry: named, label: text };
    case "repair":
      return { kind, entries: [{ entry: named, code: "text" }], undoes: named };
    case "reset":
      return { kind, reason: "asked", from: named };
    case "custom":
      return { kind, type: "note", data: { text } };
    default:
      return { kind: "command", command: text, answer: text };
  }
}

async function written(key: string, steps: readonly Step[]): Promise<void> {
  await store.catalogue.create({ key, title: "A trip", labels: ["home"] });
  const ids: string[] = [];
  for (const one of steps) {
    const head = one.below === null || ids.length === 0 ? null : ids[one.below % ids.length]!;
    await store.catalogue.setHead({ key, head }, owner.origin);
    const named = ids.length === 0 ? undefined : ids[one.names % ids.length]!;
    ids.push((await store.claims.append({ key, bodies: [bodyOf(one, named)] }, { origin: one.by, payer: null })).head);
  }
  if (ids.length > 0) await store.catalogue.setHead({ key, head: ids[steps.at(-1)!.names % ids.length]! }, owner.origin);
}

async function exported(key: string) {
  const lines: string[] = [];
  for await (const item of store.transfer.export({ key })) lines.push(JSON.stringify(item));
  const items = lines.map((line) => JSON.parse(line) as { session: any; entry: TranscriptEntry });
  return { session: items[0]!.session, entries: items.slice(1).map(({ entry }) => entry) };
}

/** The same whatever entries are called: each name becomes its place. */
function shape(head: string | null, entries: readonly TranscriptEntry[]): string {
  let json = JSON.stringify({ head, entries: entries.map(({ id, parent, at, body }) => ({ id, parent, at, body })) });
  for (const [at, { id }] of entries.entries()) json = json.replaceAll(JSON.stringify(id), `"#${at}"`);
  return json;
}

it("brings a session back whole: every branch, its order, its times, what refers to what; but nobody's word for who spoke", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.integer({ min: 1, max: 9 }), async (steps, page) => {
      const [from, to] = [`from-${run}`, `to-${run++}`];
      await written(from, steps);
      const { session, entries } = await exported(from);
      for (let twice = 0; twice < 2; twice++) {
        for (let at = 0; at < entries.length; at += page) {
          const last = at + page >= entries.length && session.head !== null ? { head: session.head } : {};
          const part = entries.slice(at, at + page).map((entry) => ({ ...entry, origin: { by: "owner" as const, via: "forged" } }));
          const { title, labels } = session;
          await store.transfer.import({ key: to, title, labels, entries: part, ...last }, owner);
        }
      }
      if (entries.length === 0) return;
      const copy = await exported(to);
      expect(shape(copy.session.head, copy.entries)).toBe(shape(session.head, entries));
      expect([copy.session.title, copy.session.labels]).toEqual(["A trip", ["home"]]);
      for (const { origin } of copy.entries) {
        expect(origin).toEqual({ ...owner.origin, influences: [{ party: "outside", how: "came in an imported conversation" }] });
      }
    }),
    { numRuns: 40 },
  );
});

it("gives a branch summaries that stand for its own entries", async () => {
  const say = (text: string) => ({ kind: "command" as const, command: text, answer: "" });
  await store.claims.append({ key: "a", bodies: [say("one"), say("two")] }, owner);
  const [, two] = (await store.history({ key: "a" })).entries;
  await store.claims.append({ key: "a", bodies: [{ kind: "compaction", summary: "one", firstKept: two!.id }] }, owner);
  await store.transfer.fork({ key: "a", to: "b" }, owner);
  const { entries } = await store.history({ key: "b" });
  expect(entries[2]!.body).toMatchObject({ kind: "compaction", firstKept: entries[1]!.id });
  expect(entries[1]!.id).not.toBe(two!.id);
});
