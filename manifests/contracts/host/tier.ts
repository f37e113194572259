import Type from "typebox";
import { defineContract } from "../../define.ts";
import type { Runner, RunnerInput } from "../../wire/runner.ts";

/** Where extensions run besides the host's own process. Only a host-tier provider may fill it. */
export const tier = defineContract({
  id: "plinth.tier",
  version: "1.0.0",
  title: "Tier",
  summary: "Runs an extension behind a wall. The capability's id is the tier's name.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    launch: {
      summary: "Make a runner for one extension instance; nothing is started yet. Host callers only: objects pass by reference.",
      input: Type.Unsafe<RunnerInput>({}),
      output: Type.Unsafe<Runner>({}),
      deadlineMs: 10_000,
    },
    enforcement: {
      summary: "What holds an extension on this machine, said honestly.",
      input: Type.Object({}),
      output: Type.Object({ level: Type.Enum(["full", "partial", "none"]), detail: Type.Array(Type.String()) }),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
});
