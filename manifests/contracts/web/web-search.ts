import Type, { type Static } from "typebox";
import { defineContract } from "../../define.ts";
import { CitationPart } from "../content/part.ts";
import { Usage } from "../models/event.ts";
import { Needs } from "../needs.ts";

const url = Type.String({ maxLength: 8_192, pattern: "^https?://" });

export const WebResult = Type.Object({
  title: Type.String({ maxLength: 512 }),
  url,
  snippet: Type.Optional(Type.String({ maxLength: 8_192, description: "Plain text. Like the title it is somebody else's words." })),
  site: Type.Optional(Type.String({ maxLength: 256 })),
  publishedAt: Type.Optional(Type.Number({ description: "In ms since the epoch." })),
  score: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  image: Type.Optional(url),
});
export type WebResult = Static<typeof WebResult>;

export const webSearch = defineContract({
  id: "plinth.web-search",
  version: "1.0.0",
  title: "Web search",
  summary: "Searches the web. What it gives back is data of others.",
  cardinality: "many",
  selection: "fallback-chain",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    needs: Type.Optional(Needs),
    kinds: Type.Array(Type.Enum(["web", "news", "images"]), { minItems: 1 }),
    filters: Type.Optional(
      Type.Array(Type.Enum(["freshness", "country", "language", "domains", "safe"]), { description: "Those that its service really applies." }),
    ),
    answers: Type.Optional(Type.Boolean({ description: "It can answer in a text with citations." })),
    maxResults: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  methods: {
    search: {
      summary: "The best first. A filter that the service does not have is refused, and never left out in silence.",
      input: Type.Object({
        query: Type.String({ minLength: 1, maxLength: 2_048 }),
        kind: Type.Optional(Type.Enum(["web", "news", "images"], { description: "Default: web." })),
        count: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: "Default 10." })),
        freshness: Type.Optional(Type.Enum(["day", "week", "month", "year"])),
        country: Type.Optional(Type.String({ pattern: "^[A-Z]{2}$", description: "ISO 3166-1." })),
        language: Type.Optional(Type.String({ pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description: "BCP 47." })),
        domains: Type.Optional(
          Type.Object({
            only: Type.Optional(Type.Array(Type.String({ maxLength: 253 }), { maxItems: 64 })),
            not: Type.Optional(Type.Array(Type.String({ maxLength: 253 }), { maxItems: 64 })),
          }),
        ),
        safe: Type.Optional(Type.Boolean()),
        answer: Type.Optional(Type.Boolean({ description: "Also an answer in words." })),
        cursor: Type.Optional(Type.String({ maxLength: 1_024 })),
      }),
      output: Type.Object({
        results: Type.Array(WebResult, { maxItems: 100 }),
        answer: Type.Optional(Type.Object({ text: Type.String({ maxLength: 65_536 }), citations: Type.Array(CitationPart, { maxItems: 100 }) })),
        next: Type.Optional(Type.String({ maxLength: 1_024 })),
        usage: Type.Optional(Type.Partial(Usage)),
      }),
      deadlineMs: 30_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_WEB_AUTH: "The key is missing or was refused.",
    PLINTH_WEB_QUOTA: "What the account may use up is used up.",
    PLINTH_WEB_RATE: "Too many requests at once; retryable.",
    PLINTH_WEB_UNAVAILABLE: "The service cannot be reached, or failed; retryable.",
    PLINTH_WEB_REQUEST: "The service refused the request, or does not have what was asked for; `details.param` says which field.",
  },
});
