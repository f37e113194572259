import Type from "typebox";
import { defineContract } from "../../define.ts";

export const gatewayMethod = defineContract({
  id: "plinth.gateway-method",
  version: "1.0.0",
  title: "Gateway method",
  summary: "A method of the WebSocket API; the capability's id is the method's name.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    summary: Type.String(),
    scope: Type.Enum(["read", "write", "owner"]),
    params: Type.Optional(Type.Unknown({ description: "JSON Schema of the parameters. What does not fit is refused before the method is called." })),
    result: Type.Optional(Type.Unknown({ description: "JSON Schema of the answer of `call`, checked before it is sent." })),
    events: Type.Optional(Type.Unknown({ description: "JSON Schema of each event of `open`, checked before it is sent." })),
    streaming: Type.Optional(Type.Boolean({ description: "true: `open` is called and each item becomes an event." })),
    endless: Type.Optional(
      Type.Boolean({ description: "true: the stream goes on until its reader leaves, such as a watch; a stop of the gateway ends it at once." }),
    ),
    survives: Type.Optional(
      Type.Boolean({ description: "true: the stream is read to its end also when its client's connection breaks; a `cancel` still ends it." }),
    ),
  }),
  methods: {
    call: {
      summary: "Answer once.",
      input: Type.Unknown(),
      output: Type.Unknown(),
      deadlineMs: 120_000,
      optional: true,
    },
    open: {
      summary: "Answer with a stream of events.",
      input: Type.Unknown(),
      stream: Type.Unknown(),
      deadlineMs: 0,
      optional: true,
    },
  },
});
