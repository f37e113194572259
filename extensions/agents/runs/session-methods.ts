import type { Context, Provider, TranscriptEntry } from "@plinth/sdk";
import { assertOwner } from "./own-commands.ts";
import { Params } from "./params.ts";
import type { SessionChoices } from "./session-choices.ts";
import { cleanUp, forkSession } from "./session-transfer.ts";

type Method = Provider<"plinth.gateway-method">;
type Name = "list" | "get" | "update" | "delete" | "search" | "reset" | "fork" | "export" | "import" | "cleanup";

const DAY_MS = 86_400_000;

/** What can be done with sessions as a whole, by id. What a store cannot do it refuses itself. */
export function sessionMethods(ctx: Context, choices: SessionChoices): Record<`sessions.${Name}`, Method> {
  const store = ctx.use("plinth.session-store").one();
  const method = (answer: (params: Params) => Promise<unknown>): Method => ({
    call: (input, call) => {
      assertOwner(call);
      return answer(new Params(input));
    },
  });
  return {
    "sessions.list": method((params) =>
      store.list({
        ...params.integers({ limit: 1_000 }),
        ...params.texts({ cursor: 256, label: 80, prefix: 256 }),
        ...(params.flag("archived") ? { archived: true } : {}),
      }),
    ),
    "sessions.get": method((params) => store.get({ key: params.needed("sessionKey", 256) })),
    "sessions.update": method((params) =>
      store.update({ key: params.needed("sessionKey", 256), ...params.orNull("title", 200), ...params.flags("archived"), ...labelsIn(params) }),
    ),
    "sessions.reset": method((params) => store.reset({ key: params.needed("sessionKey", 256), reason: params.text("reason", 200) ?? "asked" })),
    "sessions.fork": method((params) =>
      forkSession(ctx, choices, { key: params.needed("sessionKey", 256), ...params.texts({ to: 256, at: 128, title: 200 }) }),
    ),
    "sessions.export": {
      open: (input, call) => {
        assertOwner(call);
        return store.export({ key: new Params(input).needed("sessionKey", 256) }, { signal: call.signal });
      },
    },
    "sessions.import": method((params) =>
      store.import({
        key: params.needed("sessionKey", 256),
        ...params.texts({ title: 200, head: 128 }),
        ...labelsIn(params),
        // What an entry is the contract says, and the host checks it.
        entries: (params.list("entries", 1_000) ?? []) as TranscriptEntry[],
      }),
    ),
    "sessions.cleanup": method((params) =>
      cleanUp(store, choices, {
        unchangedForMs: (params.integer("days", 36_500) ?? 30) * DAY_MS,
        dryRun: !params.flag("enforce"),
        archived: !params.flag("all"),
      }),
    ),
    "sessions.delete": method(async (params) => {
      const key = params.needed("sessionKey", 256);
      const deleted = await store.delete({ key, why: params.text("why", 200) ?? "asked" });
      await choices.forget(key);
      return deleted;
    }),
    "sessions.search": method((params) => {
      const { sessionKey: key, cursor } = params.texts({ sessionKey: 256, cursor: 256 });
      return store.search({
        text: params.needed("text", 500),
        ...(key === undefined ? {} : { key }),
        ...(cursor === undefined ? {} : { cursor }),
        ...params.integers({ limit: 100 }),
      });
    }),
  };
}

/** Absent: they stay. */
function labelsIn(params: Params): { labels?: string[] } {
  const labels = params.list("labels", 32);
  if (labels === undefined) return {};
  if (labels.some((label) => typeof label !== "string")) throw params.wrong("labels", "is a list of texts");
  return { labels: labels as string[] };
}
