import Type from "typebox";
import { defineContract } from "../../define.ts";

/** Decides whether work that others had a hand in may act on the world. The host asks; nothing gets around it. */
export const policy = defineContract({
  id: "plinth.policy",
  version: "1.0.0",
  title: "Policy",
  summary: "Says whether a call may be made by the work that makes it. It may ask an owner first; where it fails, the answer is no.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    check: {
      summary: "Resolves where the call may be made, else throws. Asked by the host, in the call's own work, whose influences are the host's word.",
      input: Type.Object({
        extension: Type.String({ description: "Whoever makes the call." }),
        contract: Type.String(),
        id: Type.String({ description: "The capability that is called." }),
        provider: Type.String({ description: "The extension that provides it." }),
        method: Type.String(),
        effects: Type.Array(Type.String(), { description: "What the capability's descriptor says a call can do." }),
        descriptor: Type.Unknown({ description: "The whole of what the provider's manifest says of it." }),
        trusted: Type.Boolean({ description: "The provider is the product's, or runs in the host by the operator's wish." }),
        input: Type.Unknown({ description: "The call's input as it will be made." }),
      }),
      output: Type.Object({}),
      deadlineMs: 0,
    },
  },
  errors: {
    PLINTH_AUTHORITY: "An owner said no, or did not answer.",
  },
});
