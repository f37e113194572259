import Type, { type Static } from "typebox";

/** Where a message was said, or what began its turn. */
export const SaidIn = Type.Enum(["person", "group", "channel", "thread", "app", "api", "agent", "schedule", "webhook"], {
  description: "Where it was said; agent: by another agent, for which this one works. Absent: app.",
});
export type SaidIn = Static<typeof SaidIn>;
