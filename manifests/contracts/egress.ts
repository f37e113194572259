import Type from "typebox";
import { defineContract } from "../define.ts";

/** The host's road to the network. Only a host-tier provider may fill it: requests carry secrets in clear. */
export const egress = defineContract({
  id: "plinth.egress",
  version: "1.0.0",
  title: "Egress",
  summary: "Carries out HTTP requests that the host has authorised, within the hosts that the extension was granted.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    exchange: {
      summary: "One request with its redirects. First the head, then body chunks (Uint8Array). Every address is checked before it is used.",
      input: Type.Object({
        extension: Type.String(),
        hosts: Type.Array(Type.String(), { description: "The granted `permissions.net`." }),
        url: Type.String(),
        method: Type.Optional(Type.String()),
        headers: Type.Optional(Type.Record(Type.String(), Type.String())),
        body: Type.Optional(Type.String()),
        base64: Type.Optional(Type.Boolean()),
        timeoutMs: Type.Optional(Type.Number()),
        maxBytes: Type.Optional(Type.Number()),
      }),
      stream: Type.Unsafe<{ status: number; headers: Record<string, string> } | Uint8Array>({}),
      deadlineMs: 0,
    },
  },
  errors: { PLINTH_NET: "The server cannot be reached or broke off.", PLINTH_PERMISSION: "The host or address is not granted." },
});
