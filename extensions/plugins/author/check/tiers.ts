import { errorInfo, type Manifest } from "@plinth/sdk";
import { LiveHost } from "../live/live-host.ts";
import type { Installed } from "../live/protocol.ts";
import { milliseconds } from "../style.ts";
import { failed, type Row } from "./row.ts";

/** Start it once in each tier that it says it can run in, in a host of its own, and take it away again. */
export async function* checkTiers(manifest: Manifest, dir: string, bin: string | undefined): AsyncGenerator<Row> {
  const { id, tiers = ["isolate", "process"] } = manifest;
  if (manifest.entry === undefined) {
    yield { check: "tier", status: "skipped", detail: "It has no code to start." };
    return;
  }
  let live: LiveHost | undefined;
  try {
    live = await LiveHost.start(bin);
    for (const tier of tiers) {
      const began = performance.now();
      try {
        const installed = await live.ask<Installed>({ op: "install", dir, source: "check", tier });
        const ms = performance.now() - began;
        yield { check: "tier", of: tier, status: installed.tier === tier ? "ok" : "failed", detail: `It starts there, in ${milliseconds(ms)}.`, ms };
        await live.ask({ op: "uninstall", id });
      } catch (error) {
        yield { ...failed("tier", errorInfo(error)), of: tier };
      }
    }
  } catch (error) {
    yield failed("tier", errorInfo(error));
  } finally {
    await live?.stop();
  }
}
