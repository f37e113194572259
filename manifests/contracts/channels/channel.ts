import Type from "typebox";
import { defineContract } from "../../define.ts";

export const channel = defineContract({
  id: "plinth.channel",
  version: "1.0.0",
  title: "Channel",
  summary: "Carries messages between people elsewhere and the host. Inbound messages are submitted through plinth.turns.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String(),
    textLimit: Type.Integer({ minimum: 1, description: "Longest message in characters; longer text is split." }),
    markdown: Type.Optional(Type.Boolean()),
    threads: Type.Optional(Type.Boolean()),
  }),
  methods: {
    connect: {
      summary: "Connect and stay connected until disconnect.",
      input: Type.Object({}),
      output: Type.Object({ account: Type.Optional(Type.String()) }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    disconnect: {
      summary: "Leave; resolves when nothing is in flight.",
      input: Type.Object({}),
      output: Type.Object({}),
      deadlineMs: 10_000,
      idempotent: true,
    },
    send: {
      summary: "Deliver one message.",
      input: Type.Object({ to: Type.String(), thread: Type.Optional(Type.String()), text: Type.String() }),
      output: Type.Object({
        status: Type.Enum(["accepted", "delivered", "suppressed", "unknown"]),
        id: Type.Optional(Type.String()),
      }),
      deadlineMs: 30_000,
    },
  },
});
