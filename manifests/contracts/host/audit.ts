import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";

/** One request for authority and what became of it. */
export const AuditRecord = Type.Object({
  at: Type.Number({ description: "Milliseconds since the epoch." }),
  extension: Type.String({ description: "Who asked." }),
  kind: Type.Enum(["call", "hook", "net", "files", "exec", "secret", "store", "work", "grant", "admin"]),
  what: Type.String({ description: "In a few words, such as `GET https://api.example.com/v1`. Never a secret's value." }),
  allowed: Type.Boolean(),
  code: Type.Optional(Type.String({ description: "Of the refusal." })),
  why: Type.Optional(Type.String()),
  work: Type.Optional(Type.String({ description: "Id of the work it belongs to." })),
  principal: Type.Optional(Type.String({ description: "Role and where it was proven, such as `owner via gateway-token`." })),
});
export type AuditRecord = Static<typeof AuditRecord>;

/** Where the host's record of decisions goes. Only a host-tier provider may fill it. */
export const audit = defineContract({
  id: "plinth.audit",
  version: "1.0.0",
  title: "Audit",
  summary: "Keeps who asked for which authority, and whether it was allowed.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    record: {
      summary: "Keep these records, oldest first. Host callers only.",
      input: Type.Object({
        records: Type.Array(AuditRecord),
        dropped: Type.Integer({ description: "How many were lost before them because too many came." }),
      }),
      output: Type.Object({}),
      deadlineMs: 10_000,
    },
    query: {
      summary: "Records, newest first.",
      input: Type.Object({
        extension: Type.Optional(Type.String()),
        kind: Type.Optional(Type.String()),
        denied: Type.Optional(Type.Boolean({ description: "Only what was refused." })),
        since: Type.Optional(Type.Number()),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: "Default 100." })),
      }),
      output: Type.Object({ records: Type.Array(AuditRecord) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
  },
});
