import Type from "typebox";
import { defineContract } from "../../define.ts";

export const router = defineContract({
  id: "plinth.router",
  version: "1.0.0",
  title: "Router",
  summary: "Decides which agent and which session a message belongs to.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    route: {
      summary: "Choose. The result never depends on load order.",
      input: Type.Object({
        surface: Type.String(),
        sender: Type.Optional(Type.String()),
        sessionKey: Type.Optional(Type.String()),
        model: Type.Optional(Type.String()),
      }),
      output: Type.Object({
        agent: Type.String(),
        sessionKey: Type.String(),
        harness: Type.String(),
        model: Type.String(),
        workspace: Type.String({ description: "Absolute path." }),
        system: Type.Array(Type.String()),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
    agents: {
      summary: "The agents there are.",
      input: Type.Object({}),
      output: Type.Object({
        agents: Type.Array(Type.Object({ id: Type.String(), title: Type.String(), model: Type.String() })),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
});
