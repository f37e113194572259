import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";

/** Names with their values, in order, repeated as often as they came. */
const pairs = (description: string) =>
  Type.Unsafe<[string, string][]>({
    type: "array",
    items: { type: "array", items: { type: "string" }, minItems: 2, maxItems: 2 },
    description,
  });

const head = {
  id: Type.String({ description: "Of this request; `receive` names it. Nobody can guess it." }),
  method: Type.String(),
  path: Type.String({ description: "Decoded, without the query." }),
  params: Type.Record(Type.String(), Type.String(), { description: "What stands for the `{name}`s of the route's path." }),
  target: Type.String({ description: "Path and query as they stood in the request line, undecoded." }),
  query: pairs("The query, decoded. `new URLSearchParams(query)` reads it."),
  headers: Type.Record(Type.String(), Type.String(), { description: "Lower-case names, one text each." }),
  rawHeaders: pairs("As they were sent: order, case, repetition."),
  url: Type.String({ description: "The whole address as its sender knows it: `publicUrl` of the gateway where it is configured, then `target`." }),
  scheme: Type.Enum(["http", "https"]),
  host: Type.String({ description: "Name and port, as in `url`." }),
  remote: Type.String({ description: "The address of the peer; of the proxy where there is one." }),
  caller: Type.Optional(
    Type.String({
      description: "With `auth: token`: the same as long as the token is the same, and another for every other one. It tells nothing of the token.",
    }),
  ),
};

export const HttpBody = openUnion("type", [
  Type.Object({ type: Type.Literal("none") }),
  Type.Object({ type: Type.Literal("text"), text: Type.String() }),
  Type.Object({ type: Type.Literal("bytes"), base64: Type.String() }),
  Type.Object({ type: Type.Literal("stream") }, { description: "It comes through `receive`: `bytes` in order, then `end`." }),
]);
export type HttpBody = Static<typeof HttpBody>;

export const HttpRequest = Type.Object({ ...head, body: HttpBody });
export type HttpRequest = Static<typeof HttpRequest>;

export const SocketRequest = Type.Object({ ...head, protocols: Type.Array(Type.String(), { description: "Subprotocols that the client offers." }) });
export type SocketRequest = Static<typeof SocketRequest>;

const HeaderValues = Type.Record(Type.String(), Type.Union([Type.String(), Type.Array(Type.String())]));
const TextItem = Type.Object({ type: Type.Literal("text"), text: Type.String() });
const BytesItem = Type.Object({ type: Type.Literal("bytes"), base64: Type.String() });
const CloseItem = Type.Object({
  type: Type.Literal("close"),
  code: Type.Optional(Type.Integer({ minimum: 1000, maximum: 4999 })),
  reason: Type.Optional(Type.String({ maxLength: 123 })),
});

export const HttpItem = openUnion("type", [
  Type.Object({
    type: Type.Literal("head"),
    status: Type.Integer({ minimum: 200, maximum: 599 }),
    headers: Type.Optional(HeaderValues),
  }),
  TextItem,
  BytesItem,
  Type.Object({ type: Type.Literal("flush") }, { description: "What was said so far is sent now, the head too." }),
]);
export type HttpItem = Static<typeof HttpItem>;

/** From the route to the client of a WebSocket. */
export const SocketItem = openUnion("type", [
  Type.Object(
    { type: Type.Literal("open"), protocol: Type.Optional(Type.String()) },
    { description: "First: take the connection, with one of the offered subprotocols." },
  ),
  Type.Object(
    { type: Type.Literal("refuse"), status: Type.Integer({ minimum: 400, maximum: 599 }), text: Type.Optional(Type.String({ maxLength: 1_024 })) },
    { description: "First: do not take it." },
  ),
  TextItem,
  BytesItem,
  Type.Object({ type: Type.Literal("ping") }),
  CloseItem,
]);
export type SocketItem = Static<typeof SocketItem>;

/** From the client to the route. */
export const ClientItem = openUnion("type", [
  TextItem,
  BytesItem,
  Type.Object({ type: Type.Literal("end") }, { description: "The body is whole." }),
  CloseItem,
]);
export type ClientItem = Static<typeof ClientItem>;

export const httpRoute = defineContract({
  id: "plinth.http-route",
  version: "1.0.0",
  title: "HTTP route",
  summary: "A path on the gateway's port: requests, uploads, WebSockets.",
  cardinality: "many",
  selection: "by-id",
  descriptor: Type.Object({
    methods: Type.Optional(
      Type.Array(Type.Enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]), {
        minItems: 1,
        uniqueItems: true,
        description: "Default GET, or none with `websocket`. GET answers HEAD too, without the body.",
      }),
    ),
    path: Type.String({
      pattern: "^(?=/)(?:/(?:[^/\\s?#{}*]*|\\{[A-Za-z][A-Za-z0-9_]{0,63}\\}))*(?:/\\*)?$",
      description: "Exact; or with `{name}` for a segment; or everything below, with `/*` at the end.",
    }),
    auth: Type.Optional(
      Type.Enum(["token", "none", "own"], {
        description:
          "token (default): the gateway checks its token first. none: public, such as a page's own files. own: public for the gateway; the route checks who is there itself and gets `Authorization` and its own cookies to do so.",
      }),
    ),
    key: Type.Optional(
      Type.Enum(["x-api-key"], {
        description:
          "With `auth: token`: a header that the token may come in as well, for clients that know no other. It counts where there is no Authorization, and never reaches the route.",
      }),
    ),
    body: Type.Optional(
      Type.Enum(["text", "bytes", "stream"], {
        description: "How it wants a body. text (default) is UTF-8 and nothing else. stream: through `receive`.",
      }),
    ),
    bodyLimit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_073_741_824,
        description: "Bytes of a body as it is sent; default 1 MiB. A whole body has at most 64 MiB.",
      }),
    ),
    inflate: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_073_741_824,
        description:
          "Unpack gzip, deflate and br, to so many bytes at most. Without it, text refuses packed bodies, and bytes and stream get them as they are.",
      }),
    ),
    cors: Type.Optional(
      Type.Object(
        {
          origins: Type.Array(Type.String({ pattern: "^(\\*|null|https?://[^/\\s]+)$" }), { minItems: 1, maxItems: 32 }),
          headers: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Za-z0-9-]{1,64}$" }), { maxItems: 32 })),
          exposes: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Za-z0-9-]{1,64}$" }), { maxItems: 32 })),
        },
        {
          additionalProperties: false,
          description:
            "Web origins whose pages may ask and read; `headers` that they may send, `exposes` that they may read. Never with credentials. With `auth: token` only those count that the operator configured.",
        },
      ),
    ),
    websocket: Type.Optional(
      Type.Object(
        {
          protocols: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$" }), { maxItems: 16 })),
          maxMessage: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_097_152, description: "Bytes; default 64 KiB." })),
          perSecond: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 10_000, description: "Messages that are taken in a second; default 200. More wait." }),
          ),
        },
        { additionalProperties: false, description: "It takes WebSockets, with `socket` and `receive`." },
      ),
    ),
    rate: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: "Requests of one address in a minute; more get 429." })),
    timeoutMs: Type.Optional(
      Type.Integer({ minimum: 100, maximum: 3_600_000, description: "Longest wait for the answer's first item; default 10 minutes." }),
    ),
    errors: Type.Optional(
      Type.Enum(["problem", "openai", "anthropic"], {
        description:
          "The form in which the gateway refuses a request of this path. problem (default): RFC 9457. openai, anthropic: as the API of those.",
      }),
    ),
    endless: Type.Optional(Type.Boolean({ description: "true: answers until the client leaves; a stop of the gateway ends it at once." })),
    summary: Type.String(),
  }),
  methods: {
    handle: {
      summary: "Answer one request: first the head, then the body in order.",
      input: HttpRequest,
      stream: HttpItem,
      deadlineMs: 0,
      optional: true,
    },
    socket: {
      summary: "A client wants a WebSocket. First `open` or `refuse`, then messages to it; the end of the stream closes it.",
      input: SocketRequest,
      stream: SocketItem,
      deadlineMs: 0,
      optional: true,
    },
    receive: {
      summary: "The next piece of a body, or the next message of a WebSocket. The one after it comes when this has been answered.",
      input: Type.Object({ id: Type.String(), item: ClientItem }),
      output: Type.Object({}),
      deadlineMs: 60_000,
      optional: true,
    },
  },
});
