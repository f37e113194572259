import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";

const service = Type.String({ pattern: "^_[a-z0-9-]{1,15}\\._(tcp|udp)$", description: "A DNS-SD service type, such as `_plinth._tcp`. RFC 6763." });
const name = Type.String({ minLength: 1, maxLength: 63, description: "The instance, as people see it." });
const txt = Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 255 }), {
  maxProperties: 64,
  description: "What is said of it. Anybody in the network can say anything: it is a hint, and never takes the place of a key that is known.",
});

export const FoundService = Type.Object({
  service,
  name,
  host: Type.Optional(Type.String({ maxLength: 253 })),
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  addresses: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 32 })),
  txt: Type.Optional(txt),
});
export type FoundService = Static<typeof FoundService>;

export const discovery = defineContract({
  id: "plinth.discovery",
  version: "1.0.0",
  title: "Discovery",
  summary: "Makes services known in a network, and finds those of others.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    reach: Type.Enum(["machine", "link", "site", "wide"], { description: "How far it is heard." }),
    advertises: Type.Optional(Type.Boolean()),
  }),
  methods: {
    advertise: {
      summary: "Make one known for as long as the stream is read. Its first item has the name under which it is known: a taken one gets a number.",
      input: Type.Object({ service, name, port: Type.Integer({ minimum: 1, maximum: 65_535 }), txt: Type.Optional(txt) }),
      stream: Type.Object({ name }),
      deadlineMs: 0,
      optional: true,
    },
    browse: {
      summary: "What there is, then as it comes and goes.",
      input: Type.Object({ service }),
      stream: openUnion("type", [
        Type.Object({ type: Type.Literal("found"), found: FoundService }),
        Type.Object({ type: Type.Literal("lost"), name }),
      ]),
      deadlineMs: 0,
    },
    resolve: {
      summary: "Where one is now.",
      input: Type.Object({ service, name }),
      output: Type.Object({ found: FoundService }),
      deadlineMs: 10_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_SERVICE_UNKNOWN: "Nobody answers under this name.",
    PLINTH_DISCOVERY_UNAVAILABLE: "The network does not let it be heard.",
  },
});
