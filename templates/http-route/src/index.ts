import { defineExtension } from "@plinth/sdk";
import { duplexRoute, empty, json, textOf, verifyHub } from "@plinth/sdk/kits/http";
import { kindOf } from "./event.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    const counts = new Map<string, number>();

    ctx.provide("plinth.http-route", "__NAME__.hook", {
      async *handle(request) {
        const { secret } = ctx.config;
        // Over the bytes that came, before anybody reads them.
        if (secret === undefined || !(await verifyHub(request, secret))) {
          yield* json(401, { error: "The signature is not of the configured secret." });
          return;
        }
        const kind = kindOf(textOf(request));
        if (kind === undefined) {
          yield* json(400, { error: "`kind` is missing." });
          return;
        }
        counts.set(kind, (counts.get(kind) ?? 0) + 1);
        yield* empty(204);
      },
    });

    ctx.provide(
      "plinth.http-route",
      "__NAME__.watch",
      duplexRoute({
        async *socket(_request, messages) {
          yield { type: "open" };
          // Whatever the client says is the question.
          for await (const _ of messages) yield { type: "text", text: JSON.stringify(Object.fromEntries(counts)) };
        },
      }),
    );
  },
});
