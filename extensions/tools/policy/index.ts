import { type Context, defineExtension, type ToolPlace } from "@plinth/sdk";
import { decisionsOf } from "./decide.ts";
import { type Config, type Known, levelsOf } from "./levels.ts";

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as Config;
    ctx.provide("plinth.tool-policy", "default", {
      async decide({ places, rules, tools, explain = false }, { signal }) {
        const known = config.models === undefined ? places : await Promise.all(places.map((place) => withModels(ctx, place, signal)));
        const levels = levelsOf(config, known, rules);
        return { decisions: decisionsOf(tools, levels, config.optional ?? [], explain) };
      },
    });
  },
});

/** `auto` and aliases are the models that they mean now, and those that would stand in for them. */
async function withModels(ctx: Context, place: ToolPlace, signal: AbortSignal): Promise<Known> {
  const { model, fallbacks, sessionKey } = place;
  if (model === undefined) return place;
  const asked = { model, ...(fallbacks === undefined ? {} : { fallbacks }), ...(sessionKey === undefined ? {} : { sessionKey }) };
  const { choices } = await ctx.use("plinth.models").one().choose(asked, { signal });
  return { ...place, models: choices.map(({ name }) => name) };
}
