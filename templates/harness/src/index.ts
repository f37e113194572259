import { defineExtension } from "@plinth/sdk";
import { chooseModel } from "./choose-model.ts";
import type { Manifest } from "./manifest.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    const providers = ctx.use("plinth.model-provider");
    ctx.provide("plinth.harness", "__NAME__", {
      // One model call for a turn. A harness with tools adds `use plinth.tool-catalog`, and asks again with each result.
      async *run({ model, system, history, sessionKey }, { signal }) {
        const { provider, name } = await chooseModel(providers, model);
        let text = "";
        let usage: { inputTokens: number; outputTokens: number } | undefined;
        const instructions = system.map((text) => ({ type: "text" as const, text }));
        const request = { model: name, system: instructions, messages: history, cacheKey: sessionKey, onUnsupported: "drop" as const };
        for await (const event of providers.get(provider).stream(request, { signal })) {
          if (event.type === "text") text += event.delta;
          if (event.type === "text") yield event;
          if (event.type === "reasoning" && event.delta !== undefined) yield { type: "reasoning", delta: event.delta };
          if (event.type === "usage") usage = event.usage;
        }
        // What is finished is stored at once; `done` comes last.
        yield { type: "message", message: { role: "assistant", content: [{ type: "text", text }] } };
        yield { type: "done", text, model: `${provider}/${name}`, ...(usage === undefined ? {} : { usage }) };
      },
    });
  },
});
