import { defineExtension } from "@plinth/sdk";
import { SessionStore } from "./store.ts";

export default defineExtension({
  async activate(ctx) {
    const store = await SessionStore.open({ dir: ctx.dataDir, now: ctx.clock.now, log: ctx.log });
    ctx.effect("session store", () => store.close());
    ctx.provide("plinth.session-store", "sqlite", {
      beginRun: (input) => store.beginRun(input),
      append: (input) => store.append(input),
      endRun: (input) => store.endRun(input),
      history: (input) => store.history(input),
      list: (input) => store.list(input),
      setHead: (input) => store.setHead(input),
    });
  },
});
