import { defineExtension, type ModelSource, messagesFrom, PlinthError, type Provider } from "@plinth/sdk";
import { answering } from "./answering.ts";
import { Chooser } from "./choice.ts";
import { Directory } from "./directory.ts";
import { messagesFor } from "./messages.ts";
import { type Limits, Meter } from "./meter.ts";
import { askerOf, chainOf } from "./proofs.ts";
import { providePurposes } from "./purpose-methods.ts";
import { Refreshed } from "./refreshed.ts";
import { refusedCheck } from "./refused-check.ts";
import type { Config } from "./settings.ts";
import type { Source } from "./source.ts";
import { sparing } from "./strangers.ts";
import { lessonKey, ToolLessons } from "./tool-lessons.ts";

const RETRIES = 2;
const RETRY_BASE_MS = 500;

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as Config;
    const directory = new Directory(ctx, config);
    const purposes = once(async () => new (await import("./purposes.ts")).Purposes(ctx, directory, config));
    const chooser = new Chooser({
      sources: () => directory.sources(),
      source: (id) => directory.source(id),
      now: ctx.clock.now,
      generation: () => directory.generation(),
      aliases: config.aliases ?? {},
    });
    const lessons = new ToolLessons(ctx.clock.now);
    const limits: Limits = new Map();
    ctx.provide("plinth.check", "refused-tools", refusedCheck(lessons));
    const refused = ({ name, extension }: { name: string; extension?: string | undefined }, model: string, why: string) =>
      ctx.log.warn("A model's server refused a tool; it is left out for this model for an hour.", {
        tool: name,
        extension: extension ?? "",
        model,
        why,
      });
    const sourceOf = async (provider: string): Promise<Source> => {
      const source = await directory.source(provider);
      if (source !== undefined) return source;
      const sources = await directory.sources();
      throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no model provider "${provider}".`, {
        next: "plinth models --all lists them. Another publisher's has to be chosen once: plinth grants choose EXTENSION.",
        details: { alternatives: [...sources.keys()] },
      });
    };

    const refreshed = new Refreshed(ctx.store);
    ctx.provide("plinth.cli-command", "models-refresh", {
      async *run(input, call) {
        const { refreshCommand } = await import("./refresh-command.ts");
        yield* refreshCommand(input, call, async (provider) => refreshed.refresh(await sourceOf(provider), call.signal));
      },
    });
    const vendors = async () => (await directory.everybody()).keys();
    providePurposes(ctx, async (purpose) => sparing((await import("./purpose-providers.ts")).providerOf(ctx, await purposes(), purpose), vendors));
    const models: Provider<"plinth.models"> = {
      async sources({ for: purpose }) {
        const all = await (purpose === undefined ? directory.sources() : (await purposes()).sources(purpose));
        return { sources: Array.from<{ data: ModelSource }, ModelSource>(all.values(), ({ data }) => data) };
      },
      async status({ provider, for: purpose }, { signal }) {
        const status = await (await (purpose === undefined ? sourceOf(provider) : (await purposes()).source(purpose, provider))).status(signal);
        const said = purpose === undefined ? limits.get(provider) : undefined;
        return said === undefined ? status : { ...status, limits: said.limits, limitsAt: said.at };
      },
      models: async ({ provider }, { signal }) => ({ models: await refreshed.models(await sourceOf(provider), signal) }),
      async choose({ model, fallbacks = config.fallbacks ?? [] }, { signal }) {
        const choices = [];
        for (const name of [model, ...fallbacks]) {
          const { source, choice } = await chooser.choose(name, signal);
          const bounds = [source.mostTools?.(choice.model), lessons.most(lessonKey(choice))].filter((most) => most !== undefined);
          choices.push(bounds.length === 0 ? choice : { ...choice, mostTools: Math.min(...bounds) });
        }
        return { choices };
      },
      stream({ model, fallbacks = config.fallbacks ?? [], agent, sessionKey, retries = RETRIES, retryBaseMs = RETRY_BASE_MS, ...request }, call) {
        const messages = messagesFrom(request.messages, call.caller);
        const asker = askerOf([model, ...fallbacks], { agent, sessionKey }, call.caller);
        return answering(
          { chain: chainOf([model, ...fallbacks], call.work), request: { ...request, messages }, asker, retries, retryBaseMs },
          {
            choose: (name, signal) => chooser.choose(name, signal),
            failed: () => chooser.forget(),
            sleep: ctx.clock.sleep,
            lessons,
            refused,
            meter: new Meter(ctx, call.caller, limits),
          },
          call,
        );
      },
      async countTokens({ model, agent: _, sessionKey: __, ...request }, { signal, caller }) {
        const { source, choice } = await chooser.choose(model, signal);
        const messages = messagesFor(messagesFrom(request.messages, caller), choice.maker);
        const inputTokens = await source.countTokens({ ...request, messages, model: choice.model }, signal);
        return inputTokens === undefined ? {} : { inputTokens };
      },
      async repairs({ model, messages: given }, { signal, caller }) {
        const [{ source, choice }, { repairsFor }] = await Promise.all([chooser.choose(model, signal), import("./repairs.ts")]);
        return { name: choice.name, repairs: await repairsFor(source, choice, messagesFrom(given, caller), signal) };
      },
    };
    ctx.provide("plinth.models", "models", sparing(models, vendors));
  },
});

/** Made when it is first asked for, and once. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
