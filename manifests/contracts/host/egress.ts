import Type from "typebox";
import { defineContract } from "../../define.ts";
import type { SocketItem } from "../../wire/bridge.ts";
import type { ProgramReach } from "./program-runner.ts";

const hosts = Type.Array(Type.String(), { description: "The granted `permissions.net`." });
const headers = Type.Optional(Type.Record(Type.String(), Type.String()));
const socket = { extension: Type.String(), id: Type.String({ description: "As its first item told." }) };

/** The host's road to the network. Only a host-tier provider may fill it: requests carry secrets in clear. */
export const egress = defineContract({
  id: "plinth.egress",
  version: "1.0.0",
  title: "Egress",
  summary: "Carries out HTTP requests and WebSockets that the host has authorised, within the hosts that the extension was granted.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    exchange: {
      summary: "One request with its redirects. First the head, then body chunks (Uint8Array). Every address is checked before it is used.",
      input: Type.Object({
        extension: Type.String(),
        hosts,
        url: Type.String(),
        method: Type.Optional(Type.String()),
        headers,
        sensitive: Type.Optional(
          Type.Array(Type.String(), { description: "Lower-case names of headers that hold a secret: never sent to another origin." }),
        ),
        body: Type.Optional(Type.String()),
        base64: Type.Optional(Type.Boolean()),
        timeoutMs: Type.Optional(Type.Number()),
        maxBytes: Type.Optional(Type.Number()),
        redirect: Type.Optional(
          Type.Union([Type.Literal("follow"), Type.Literal("manual")], { description: "`manual`: a redirect is the answer. Default `follow`." }),
        ),
      }),
      stream: Type.Unsafe<{ status: number; headers: Record<string, string> } | Uint8Array>({}),
      deadlineMs: 0,
    },
    connect: {
      summary: "A WebSocket: first its id, then messages as they come, at the end how it was closed. Every address is checked before it is used.",
      input: Type.Object({
        extension: Type.String(),
        hosts,
        url: Type.String(),
        protocols: Type.Optional(Type.Array(Type.String(), { maxItems: 16 })),
        headers,
      }),
      stream: Type.Unsafe<SocketItem>({}),
      deadlineMs: 0,
    },
    proxy: {
      summary:
        "Answer a program's listener as an HTTP proxy (CONNECT and plain HTTP) for as long as this is read. What it asks for is told, with bytes as they go. Host callers only: the listener passes by reference.",
      input: Type.Object({
        extension: Type.String(),
        hosts,
        only: Type.Optional(Type.Array(Type.String(), { description: "Patterns too: only what both lists admit." })),
        listener: Type.Unsafe<object>({ description: "A server of node:net that listens." }),
        password: Type.String({ description: "Of the user `plinth`; whoever does not say it gets nothing." }),
      }),
      stream: Type.Unsafe<ProgramReach>({}),
      deadlineMs: 0,
    },
    send: {
      summary: "One message into an open WebSocket; done when there is room for the next.",
      input: Type.Object({ ...socket, data: Type.Unsafe<string | Uint8Array>({}) }),
      output: Type.Object({}),
      deadlineMs: 60_000,
    },
    close: {
      summary: "End a WebSocket.",
      input: Type.Object({ ...socket, code: Type.Optional(Type.Integer()), reason: Type.Optional(Type.String()) }),
      output: Type.Object({}),
      deadlineMs: 60_000,
    },
  },
  errors: {
    PLINTH_NET: "The server cannot be reached or broke off.",
    PLINTH_PERMISSION: "The host or address is not granted.",
    PLINTH_QUOTA: "Too large, or too many at one time.",
  },
});
