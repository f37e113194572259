import { type Call, type Context, PlinthError, type Provider } from "@plinth/sdk";
import { readOffers } from "../market/claude.ts";
import { marketplacesOf } from "../market/settings.ts";
import { parseSpec } from "../spec.ts";
import { ownersOnly } from "./owner.ts";

/** `marketplace:NAME/PLUGIN`: what a marketplace.json lists, from where it says. The lockfile gets that place. */
export function marketplaceSource(ctx: Context): Provider<"plinth.plugin-source"> {
  return {
    async fetch({ spec, cwd, into }, call: Call) {
      ownersOnly(call);
      const [market = "", plugin = ""] = spec.split("/", 2);
      const place = marketplacesOf(ctx).find(({ name, kind }) => name === market && kind === "claude");
      if (place === undefined)
        throw unknown(`There is no marketplace ${JSON.stringify(market.slice(0, 60))}.`, "plinth marketplace list shows what there is.");
      const offers = await readOffers(ctx, place, call.signal);
      const offer = offers.find(({ name }) => name === plugin);
      if (offer === undefined)
        throw unknown(`${market} has no plugin ${JSON.stringify(plugin.slice(0, 60))}.`, `plinth marketplace list ${market} shows them.`);
      if (offer.spec === undefined)
        throw unknown(`${plugin} of ${market} cannot be installed here: ${offer.why}.`, "Ask its author for a Plinth package.");
      const { scheme, rest } = parseSpec(offer.spec, cwd);
      const sources = ctx.use("plinth.plugin-source");
      const source = (await sources.list()).find(({ descriptor, id }) => descriptor.scheme === scheme && id !== "marketplace");
      if (source === undefined) throw unknown(`Nothing here installs from ${scheme}:`, "Enable the extension that does.");
      return await sources.get(source.id).fetch({ spec: rest, cwd, into }, { signal: call.signal });
    },
  };
}

function unknown(message: string, next: string): PlinthError {
  return new PlinthError("PLINTH_MARKETPLACE", message, { next });
}
