import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { Origin } from "../content/origin.ts";
import { Needs } from "../needs.ts";

const id = Type.String({ minLength: 1, maxLength: 128 });
const cursor = Type.String({ maxLength: 256 });

/** Whom a memory is for. An engine looks only where it is told to; what lies elsewhere is not even counted. */
export const MemoryScope = Type.Object({
  kind: Type.Enum(["agent", "person", "channel", "project"]),
  id: Type.String({ minLength: 1, maxLength: 512 }),
});
export type MemoryScope = Static<typeof MemoryScope>;

const scopes = Type.Array(MemoryScope, { minItems: 1, maxItems: 32, description: "It is looked for in these, and nowhere else." });

/** Where it was learned, so that somebody can look it up. */
const Source = Type.Object({
  session: Type.Optional(Type.String({ maxLength: 256 })),
  entries: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { minItems: 1, maxItems: 2, description: "The first and the last." })),
  path: Type.Optional(Type.String({ maxLength: 1_024, description: "A file of the engine's, relative." })),
  lines: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }), { minItems: 2, maxItems: 2 })),
  artifact: Type.Optional(Type.String({ maxLength: 128 })),
});

const facts = {
  text: Type.String({ minLength: 1, maxLength: 65_536, description: "Markdown." }),
  scope: MemoryScope,
  title: Type.Optional(Type.String({ maxLength: 200 })),
  path: Type.Optional(Type.String({ maxLength: 1_024, description: "The note that it is part of, such as `memory/2026-11-29.md`." })),
  tags: Type.Optional(Type.Array(Type.String({ maxLength: 80 }), { maxItems: 32 })),
  source: Type.Optional(Source),
  observedAt: Type.Optional(Type.Number({ description: "When it was so, in ms since the epoch; default: now." })),
  expiresAt: Type.Optional(Type.Number({ description: "It is not found any more from then on." })),
  confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  importance: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
  supersedes: Type.Optional(Type.Array(id, { maxItems: 64, description: "These are kept and found no more." })),
};

export const Memory = Type.Object({
  id,
  ...facts,
  createdAt: Type.Number(),
  trust: Type.Enum(["trusted", "untrusted"], {
    description: "untrusted: somebody else than the owner and the product had a hand in it. The engine takes it from `origin`; it never rises.",
  }),
  origin: Type.Optional(Origin),
});
export type Memory = Static<typeof Memory>;

export const MemoryHit = Type.Object({
  memory: Memory,
  snippet: Type.String({ maxLength: 4_096 }),
  score: Type.Number({ minimum: 0, maximum: 1 }),
  why: Type.Optional(
    Type.Object(
      {
        text: Type.Optional(Type.Number()),
        vector: Type.Optional(Type.Number()),
        recency: Type.Optional(Type.Number()),
        importance: Type.Optional(Type.Number()),
      },
      { description: "What the score is made of." },
    ),
  ),
});
export type MemoryHit = Static<typeof MemoryHit>;

/** What an agent remembers. Several engines can be installed side by side; each agent has one. */
export const memory = defineContract({
  id: "plinth.memory",
  version: "1.0.0",
  title: "Memory",
  summary: "Keeps what an agent is to remember, and finds it again by words and by meaning, within the scopes that are asked for.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    needs: Type.Optional(Needs),
    local: Type.Optional(Type.Boolean({ description: "What it keeps does not leave this machine." })),
    vectors: Type.Optional(Type.Boolean({ description: "It can find by meaning." })),
    files: Type.Optional(Type.Boolean({ description: "The truth is in files that people can read and edit." })),
  }),
  methods: {
    write: {
      summary: "Keep these, all or none. The same key again keeps nothing new. What the work's origin says is kept with each.",
      input: Type.Object({
        memories: Type.Array(Type.Object(facts), { minItems: 1, maxItems: 256 }),
        key: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
      }),
      output: Type.Object({ ids: Type.Array(id) }),
      deadlineMs: 30_000,
    },
    search: {
      summary: "The best first. Where meaning cannot be looked for, words are, and `degraded` says why.",
      input: Type.Object({
        query: Type.String({ minLength: 1, maxLength: 4_096 }),
        scopes,
        mode: Type.Optional(Type.Enum(["hybrid", "text", "vector"], { description: "Default: hybrid." })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: "Default 6." })),
        minScore: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
        trusted: Type.Optional(Type.Boolean({ description: "true: nothing that is untrusted." })),
        tags: Type.Optional(Type.Array(Type.String({ maxLength: 80 }), { maxItems: 32, description: "It has one of them." })),
        after: Type.Optional(Type.Number({ description: "Observed then or later." })),
        before: Type.Optional(Type.Number()),
      }),
      output: Type.Object({ hits: Type.Array(MemoryHit, { maxItems: 100 }), degraded: Type.Optional(Type.String({ maxLength: 500 })) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    read: {
      summary: "A memory, or a range of lines of a note, with where it goes on.",
      input: Type.Object({
        id: Type.Optional(id),
        path: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
        scopes,
        from: Type.Optional(Type.Integer({ minimum: 1, description: "First line." })),
        lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
      }),
      output: Type.Object({
        text: Type.String(),
        memory: Type.Optional(Memory),
        next: Type.Optional(Type.Integer({ minimum: 1, description: "The line after the last that was given; absent: that was all." })),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    list: {
      summary: "The newest first, a page at a time.",
      input: Type.Object({
        scopes,
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
        cursor: Type.Optional(cursor),
      }),
      output: Type.Object({ memories: Type.Array(Memory), next: Type.Optional(cursor) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    forget: {
      summary: "Gone for good: from what is found, read, listed and exported. Ids that are not in these scopes are not counted.",
      input: Type.Object({ scopes, ids: Type.Optional(Type.Array(id, { minItems: 1, maxItems: 1_000, description: "Absent: all of the scopes." })) }),
      output: Type.Object({ forgotten: Type.Integer({ minimum: 0 }) }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    reindex: {
      summary: "Make what it searches in anew, from what it keeps. Searching goes on meanwhile.",
      input: Type.Object({ force: Type.Optional(Type.Boolean({ description: "Also what has not changed." })) }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("progress"), done: Type.Integer({ minimum: 0 }), total: Type.Optional(Type.Integer({ minimum: 0 })) }),
        Type.Object({ type: Type.Literal("end"), indexed: Type.Integer({ minimum: 0 }) }),
      ]),
      deadlineMs: 600_000,
      optional: true,
    },
    status: {
      summary: "How much there is, and whether it can be found.",
      input: Type.Object({}),
      output: Type.Object({
        ready: Type.Boolean(),
        reason: Type.Optional(Type.String({ maxLength: 500 })),
        memories: Type.Integer({ minimum: 0 }),
        bytes: Type.Optional(Type.Integer({ minimum: 0 })),
        index: Type.Enum(["fresh", "stale", "building", "none"]),
        vectors: Type.Optional(
          Type.Object({
            state: Type.Enum(["on", "off", "missing", "paused"], { description: "paused: another model is set than the vectors were made with." }),
            model: Type.Optional(Type.String({ maxLength: 256 })),
            reason: Type.Optional(Type.String({ maxLength: 500 })),
          }),
        ),
      }),
      deadlineMs: 5_000,
      idempotent: true,
    },
    export: {
      summary: "All that it keeps in these scopes, the oldest first: what another engine's `write` takes.",
      input: Type.Object({ scopes: Type.Optional(scopes) }),
      stream: Memory,
      deadlineMs: 30_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_MEMORY_UNKNOWN: "There is no such memory in these scopes.",
    PLINTH_MEMORY_UNAVAILABLE: "The engine, or the model that it needs, cannot be reached.",
    PLINTH_QUOTA: "It keeps as much as it may.",
  },
});
