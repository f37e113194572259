import Type from "typebox";
import { Needs } from "../needs.ts";

/** What every provider of some kind of model states. */
export const providing = {
  title: Type.String(),
  priority: Type.Integer({ description: "Order of the automatic choice: the lowest ready one wins." }),
  local: Type.Optional(Type.Boolean({ description: "Runs on this machine." })),
  auth: Type.Optional(Type.Array(Type.Enum(["none", "key", "oauth"]), { description: "How it proves whose requests these are." })),
  needs: Type.Optional(Needs),
};

/** The answer of `status`. */
export const readiness = Type.Object({
  ready: Type.Boolean(),
  reason: Type.Optional(Type.String()),
  defaultModel: Type.Optional(Type.String()),
});
