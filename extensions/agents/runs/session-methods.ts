import type { Context, Provider } from "@plinth/sdk";
import { assertOwner } from "./own-commands.ts";
import { Params } from "./params.ts";
import type { SessionChoices } from "./session-choices.ts";

type Method = Provider<"plinth.gateway-method">;
type Id = "sessions.list" | "sessions.get" | "sessions.update" | "sessions.delete" | "sessions.search";

/** What can be done with sessions as a whole, by id. What a store cannot do it refuses itself. */
export function sessionMethods(ctx: Context, choices: SessionChoices): Record<Id, Method> {
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
      store.update({ key: params.needed("sessionKey", 256), ...params.orNull("title", 200), ...params.flags("archived") }),
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
