import { defineExtension } from "@plinth/sdk";
import { secretHandle } from "@plinth/sdk/wire";
import { modelsOnly, ownerOnly, productOnly } from "./callers.ts";
import type { Changes } from "./changes.ts";
import { Credentials } from "./credentials.ts";
import { Exchanges } from "./exchanges.ts";
import { Profiles } from "./profiles.ts";
import { Sources } from "./sources.ts";
import { TokenFiles } from "./tokens.ts";
import { Usages } from "./usage.ts";
import { Vendors } from "./vendors.ts";

export default defineExtension({
  activate(ctx) {
    const { clock, dataDir, fetch } = ctx;
    const { clients = {} } = ctx.config as { clients?: Record<string, string> };
    const profiles = new Profiles(dataDir);
    const usages = new Usages(ctx.store, clock.now);
    const tokens = new TokenFiles(dataDir, fetch, clock);
    const secrets = ctx.use("plinth.secret-source").one();
    const exchanges = new Exchanges(dataDir, {
      ...{ fetch, clock },
      lend: async (name, origin) => secretHandle((await secrets.lend({ name, to: ctx.id, origin })).name),
    });
    const credentials = new Credentials({
      ...{ clock, profiles, usages, tokens, exchanges },
      vendors: new Vendors(ctx),
      sources: new Sources(clock.now),
      snapshot: () => ctx.use("plinth.kernel").one().snapshot({}),
      hold: async (purpose, value) => (await secrets.hold({ purpose, value })).name,
    });
    let made: Promise<Changes> | undefined;
    // Of what owners change, and how they sign in, a turn loads nothing.
    const changes = () =>
      (made ??= import("./changes.ts").then(({ Changes }) => new Changes({ credentials, profiles, usages, tokens, exchanges, fetch })));

    ctx.provide("plinth.credentials", "credentials", {
      async list(input, call) {
        productOnly(call);
        return { credentials: await credentials.list(input) };
      },
      async choose(input, call) {
        modelsOnly(call);
        return credentials.choose(input);
      },
      async report(input, call) {
        modelsOnly(call);
        return { credential: await credentials.report(input) };
      },
      async refresh(input, call) {
        modelsOnly(call);
        return credentials.refresh(input);
      },
      async add(input, call) {
        ownerOnly(call);
        return { credential: await credentials.one(await (await changes()).add(input)) };
      },
      async *login({ vendor: name, id, flow, ...more }, call) {
        ownerOnly(call);
        const [vendor, changed, { signIn, wayIn }] = await Promise.all([credentials.vendor(name), changes(), import("./login.ts")]);
        const ways = wayIn(vendor, clients, flow);
        const named = await changed.free(vendor, id);
        const gained = yield* signIn(ways, { fetch, clock, signal: call.signal });
        await changed.signedIn(vendor, named, ways.server, gained, more);
        yield { type: "done" as const, credential: await credentials.one(named) };
      },
      async order(input, call) {
        ownerOnly(call);
        await (await changes()).order(input);
        return {};
      },
      async remove(input, call) {
        ownerOnly(call);
        return (await changes()).remove(input);
      },
    });
  },
});
