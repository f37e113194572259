import Type from "typebox";
import { Needs } from "../needs.ts";

/** Where nobody is paid for an answer: it is computed on this machine, and costs nothing. */
export const Unbilled = Type.Object(
  {
    except: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
        maxItems: 16,
        description: "Ends of the names of models that are computed elsewhere all the same.",
      }),
    ),
  },
  { description: "Its answers are computed on this machine, and nobody is paid for them. Of a vendor: as long as its address is this machine's." },
);

/** What every provider of some kind of model states. */
export const providing = {
  title: Type.String(),
  priority: Type.Integer({ description: "Order of the automatic choice: the lowest ready one wins." }),
  local: Type.Optional(Type.Boolean({ description: "Runs on this machine." })),
  unbilled: Type.Optional(Unbilled),
  auth: Type.Optional(Type.Array(Type.Enum(["none", "key", "oauth"]), { description: "How it proves whose requests these are." })),
  needs: Type.Optional(Needs),
};

/** The answer of `status`. */
export const readiness = Type.Object({
  ready: Type.Boolean(),
  reason: Type.Optional(Type.String()),
  defaultModel: Type.Optional(Type.String()),
});
