import Type from "typebox";
import { defineContract } from "../../define.ts";

/** A long-running part: a server, a connection, a scheduler. */
export const service = defineContract({
  id: "plinth.service",
  version: "1.0.0",
  title: "Service",
  summary: "A long-running part that starts with the host and answers for its own health.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ description: "Name for people." }),
    start: Type.Optional(
      Type.Enum(["boot", "demand"], {
        description: "boot: started when the host serves. demand (default): started by whoever calls it.",
      }),
    ),
  }),
  methods: {
    start: {
      summary: "Start; resolves when the service does its work.",
      input: Type.Object({ options: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
      output: Type.Object({ detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    stop: {
      summary: "Stop; resolves when nothing of it runs any more.",
      input: Type.Object({}),
      output: Type.Object({}),
      deadlineMs: 10_000,
      idempotent: true,
    },
    health: {
      summary: "Whether it does its work now.",
      input: Type.Object({}),
      output: Type.Object({ ok: Type.Boolean(), detail: Type.Optional(Type.String()) }),
      deadlineMs: 2_000,
      idempotent: true,
      optional: true,
    },
  },
});
