import { type Call, defineExtension } from "@plinth/sdk";
import { asideCheck } from "@plinth/sdk/kits/sqlite";
import { entriesFor } from "./body.ts";
import { fileIn } from "./database.ts";
import { follow } from "./following.ts";
import type { Writer } from "./ledger.ts";
import { isProduct, originOf, ownRun } from "./origin.ts";
import { payerOf } from "./quota.ts";
import { type ResetConfig, Resets } from "./resets.ts";
import { SessionStore } from "./store.ts";

const SWEEP_MS = 5_000;

const writer = (call: Call): Writer => ({ origin: originOf(call.work), payer: payerOf(call), caller: call.caller });

export default defineExtension({
  async activate(ctx) {
    const config = ctx.config as ResetConfig;
    for (const zone of Resets.unknownZones(config))
      ctx.log.warn("A daily reset has a zone that is not known here; its conversations go on.", { zone });
    const resets = Resets.of(config);
    const store = await SessionStore.open({ dir: ctx.dataDir, now: ctx.clock.now, log: ctx.log, sweepMs: SWEEP_MS, resets });
    ctx.effect("session store", () => store.close());
    ctx.provide("plinth.check", "sessions-file", asideCheck(ctx.id, fileIn(ctx.dataDir)));
    const { claims, catalogue, transfer, inputs, search, ledger } = store;
    ctx.provide("plinth.session-store", "sqlite", {
      claim: (input, call) => claims.claim(ownRun(input, call.caller), writer(call)),
      renew: (input, call) => claims.renew(ownRun(input, call.caller), writer(call)),
      append: (input, call) => claims.append(ownRun(input, call.caller), writer(call)),
      release: (input, call) => claims.release(ownRun(input, call.caller), writer(call)),
      history: async ({ opaque, ...input }, { caller }) => {
        const { entries } = await store.history(input);
        if (!isProduct(caller)) return { entries: entriesFor(entries, caller) };
        return { entries: opaque ? entries : entriesFor(entries, undefined) };
      },
      list: (input) => catalogue.list(input),
      setHead: (input, { work }) => catalogue.setHead(input, originOf(work)),
      get: (input) => catalogue.get(input),
      create: (input) => catalogue.create(input),
      update: (input, { work }) => catalogue.update(input, originOf(work)),
      reset: (input, call) => catalogue.reset(input, writer(call)),
      fork: (input, call) => transfer.fork(input, writer(call)),
      delete: (input, { work }) => catalogue.delete(input, originOf(work)),
      prune: (input, { work }) => catalogue.prune(input, originOf(work)),
      search: (input) => search.search(input),
      export: (input) => transfer.export(input),
      import: (input, call) => transfer.import(input, writer(call)),
      usage: (input) => catalogue.usage(input),
      follow: (input, { signal }) => follow(ledger, input, signal),
      enqueue: (input, call) => inputs.enqueue(input, writer(call)),
      hold: (input, call) => inputs.hold(input, writer(call)),
      take: (input, call) => inputs.take(input, writer(call)),
      withdraw: (input, call) => inputs.withdraw(input, writer(call)),
    });
  },
});
