import { defineExtension } from "@plinth/sdk";
import { type Block, ownerOf, watchLoop } from "./watch.ts";

export default defineExtension({
  activate(ctx) {
    const { enabled, thresholdMs } = ctx.config as { enabled: boolean; thresholdMs: number };
    const kernel = ctx.use("plinth.kernel").one();
    let stop: (() => Promise<void>) | null = null;

    async function told({ ms, frames }: Block): Promise<void> {
      const { records } = await kernel.snapshot({});
      const extension = ownerOf(frames, new Map(records.map(({ manifest, dir = "" }) => [manifest.id, dir]))) ?? "host";
      await kernel.blocked({ extension, ms });
      const where = frames.find(({ name }) => name !== "")?.name;
      ctx.log.warn(`the event loop stood still for ${Math.round(ms)} ms`, { by: extension, ...(where === undefined ? {} : { where }) });
    }

    ctx.provide("plinth.service", "loop-watch", {
      start() {
        if (enabled) stop ??= watchLoop(thresholdMs, (block) => void told(block).catch(() => {}));
        return {};
      },
      async stop() {
        const ending = stop;
        stop = null;
        await ending?.();
        return {};
      },
      health: () => ({ ok: true, detail: stop === null ? "off" : "watching" }),
    });
    ctx.effect("the watching thread", () => stop?.());
  },
});
