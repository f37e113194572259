import { defineExtension } from "@plinth/sdk";
import { originOf } from "./quota.ts";
import { SessionStore } from "./store.ts";

export default defineExtension({
  async activate(ctx) {
    const store = await SessionStore.open({ dir: ctx.dataDir, now: ctx.clock.now, log: ctx.log });
    ctx.effect("session store", () => store.close());
    ctx.provide("plinth.session-store", "sqlite", {
      beginRun: (input, call) => store.beginRun(input, originOf(call)),
      append: (input, call) => store.append(input, originOf(call)),
      endRun: (input) => store.endRun(input),
      history: (input) => store.history(input),
      list: (input) => store.list(input),
      setHead: (input) => store.setHead(input),
    });
  },
});
