import Type from "typebox";
import { defineContract } from "../../define.ts";

export const HttpRequest = Type.Object({
  method: Type.String(),
  path: Type.String({ description: "Decoded path without the query." }),
  query: Type.Record(Type.String(), Type.String()),
  headers: Type.Record(Type.String(), Type.String(), { description: "Lower-case names; credentials removed." }),
  body: Type.String({ description: "UTF-8 text; empty without a body." }),
  remote: Type.String({ description: "The peer's address." }),
});

export const HttpItem = Type.Union([
  Type.Object({
    status: Type.Integer({ minimum: 100, maximum: 599 }),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  }),
  Type.Object({ text: Type.String() }),
  Type.Object({ base64: Type.String() }),
]);

export const httpRoute = defineContract({
  id: "plinth.http-route",
  version: "1.0.0",
  title: "HTTP route",
  summary: "A path on the gateway's port.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    method: Type.Enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    path: Type.String({ pattern: "^/", description: "Exact path, or a prefix that ends with `/*`." }),
    auth: Type.Optional(
      Type.Enum(["token", "none"], {
        description: "token (default): the gateway checks the bearer token first. none: public, such as a page's own files.",
      }),
    ),
    bodyLimit: Type.Optional(Type.Integer({ minimum: 0, maximum: 67_108_864, description: "Bytes; default 1 MiB." })),
    summary: Type.String(),
  }),
  methods: {
    handle: {
      summary: "Answer one request: first the status item, then body chunks in order.",
      input: HttpRequest,
      stream: HttpItem,
      deadlineMs: 0,
    },
  },
});
