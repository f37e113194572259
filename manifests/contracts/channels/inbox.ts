import Type from "typebox";
import { defineContract } from "../../define.ts";
import { ErrorInfo } from "../agents/turns.ts";
import { InboundItem } from "./inbound.ts";

/** Where channels bring what happens. It decides who may ask what; a channel cannot. */
export const inbox = defineContract({
  id: "plinth.inbox",
  version: "1.0.0",
  title: "Inbox",
  summary: "Takes what happens on channels. What it accepted is kept before it answers, and has its effect once.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    deliver: {
      summary: "Bring one item. Only the extension that provides the channel can; when it fails, bring the same item again.",
      input: Type.Object({ item: InboundItem }),
      output: Type.Object({
        result: Type.Enum(["accepted", "duplicate", "ignored"]),
        why: Type.Optional(Type.String({ description: "In a sentence, where it is not accepted." })),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    report: {
      summary: "Say that an account's connection went down, so that it is connected again, or that it came up by itself.",
      input: Type.Object({
        channel: Type.String({ maxLength: 128 }),
        account: Type.String({ maxLength: 512 }),
        state: Type.Enum(["connected", "down"]),
        error: Type.Optional(ErrorInfo),
      }),
      output: Type.Object({}),
      deadlineMs: 5_000,
      idempotent: true,
    },
  },
  hooks: {
    "channel.happened": {
      summary: "Something happened on a channel that starts no turn, such as a reaction, or that somebody joined.",
      mode: "observe",
      payload: Type.Object({ item: InboundItem }),
      deadlineMs: 5_000,
      failure: "open",
    },
    "delivery.failed": {
      summary: "A message was given up, arrived in part, or may not have arrived.",
      mode: "observe",
      payload: Type.Object({
        channel: Type.String(),
        account: Type.String(),
        key: Type.String(),
        code: Type.String(),
        what: Type.String({ description: "In words." }),
      }),
      deadlineMs: 5_000,
      failure: "open",
    },
  },
  errors: {
    PLINTH_INBOX_FORBIDDEN: "The caller does not provide the channel that it speaks for.",
    PLINTH_INBOX_FULL: "More waits than is kept; bring it again later.",
  },
});
