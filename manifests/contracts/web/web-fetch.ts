import Type from "typebox";
import { defineContract } from "../../define.ts";
import { Needs } from "../needs.ts";

const url = Type.String({ maxLength: 8_192, pattern: "^https?://" });

export const webFetch = defineContract({
  id: "plinth.web-fetch",
  version: "1.0.0",
  title: "Web fetch",
  summary: "Reads a page of the web as text. Each redirect is checked anew; what comes back is data of others.",
  cardinality: "many",
  selection: "fallback-chain",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    needs: Type.Optional(Needs),
    local: Type.Optional(Type.Boolean({ description: "This machine asks the page itself; else a service is told the address." })),
    scripts: Type.Optional(Type.Boolean({ description: "It runs the page's scripts." })),
    mimeTypes: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64, description: "What it can turn into text." })),
  }),
  methods: {
    fetch: {
      summary: "One page, by GET. A status of 400 or more is an answer, not an error.",
      input: Type.Object({
        url,
        as: Type.Optional(Type.Enum(["markdown", "text"], { description: "Default: markdown." })),
        maxChars: Type.Optional(Type.Integer({ minimum: 100, maximum: 1_000_000, description: "Default 20,000." })),
        from: Type.Optional(Type.Integer({ minimum: 0, description: "Characters to pass over: where an earlier answer stopped." })),
        maxAgeMs: Type.Optional(Type.Integer({ minimum: 0, description: "How old a kept answer may be; 0: none." })),
      }),
      output: Type.Object({
        url,
        finalUrl: url,
        status: Type.Integer({ minimum: 100, maximum: 599 }),
        mimeType: Type.Optional(Type.String({ maxLength: 256 })),
        title: Type.Optional(Type.String({ maxLength: 256 })),
        text: Type.String({ maxLength: 1_000_000 }),
        chars: Type.Integer({ minimum: 0, description: "Of the whole text." }),
        next: Type.Optional(Type.Integer({ minimum: 1, description: "Where it goes on; absent: that was all." })),
        warning: Type.Optional(Type.String({ maxLength: 256 })),
        fetchedAt: Type.Number(),
        cached: Type.Optional(Type.Boolean()),
      }),
      deadlineMs: 60_000,
      idempotent: true,
    },
  },
  errors: {
    PLINTH_WEB_ADDRESS: "The address, or one that it leads to, may not be reached.",
    PLINTH_WEB_KIND: "What is there cannot be turned into text.",
    PLINTH_WEB_SIZE: "What is there is larger than it reads.",
    PLINTH_WEB_UNAVAILABLE: "The server cannot be reached, or did not answer in time; retryable.",
  },
});
