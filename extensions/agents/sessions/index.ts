import { defineExtension } from "@plinth/sdk";
import { originOf } from "./origin.ts";
import { payerOf } from "./quota.ts";
import { SessionStore } from "./store.ts";

export default defineExtension({
  async activate(ctx) {
    const store = await SessionStore.open({ dir: ctx.dataDir, now: ctx.clock.now, log: ctx.log });
    ctx.effect("session store", () => store.close());
    ctx.provide("plinth.session-store", "sqlite", {
      beginRun: (input, call) => store.beginRun(input, { origin: originOf(call.work), payer: payerOf(call) }),
      append: (input, call) => store.append(input, { origin: originOf(call.work), payer: payerOf(call) }),
      endRun: (input, { work }) => store.endRun(input, originOf(work)),
      history: (input) => store.history(input),
      list: (input) => store.list(input),
      setHead: (input, { work }) => store.setHead(input, originOf(work)),
    });
  },
});
