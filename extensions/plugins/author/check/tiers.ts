import { errorInfo, type Manifest } from "@plinth/sdk";
import { advised } from "../live/advice.ts";
import { installContracts } from "../live/install-contracts.ts";
import { LiveHost } from "../live/live-host.ts";
import type { Installed } from "../live/protocol.ts";
import { milliseconds } from "../style.ts";
import { failed, type Row } from "./row.ts";

/**
 * Start it once in each tier that it says it can run in, in a host of its own that knows the project's contracts, and take it
 * away again. `dir`: the unpacked package.
 */
export async function* checkTiers(project: string, manifest: Manifest, dir: string, bin: string | undefined): AsyncGenerator<Row> {
  const { id, tiers = ["isolate", "process"] } = manifest;
  if (manifest.entry === undefined) {
    yield { check: "tier", status: "skipped", detail: "It has no code to start." };
    return;
  }
  let live: LiveHost | undefined;
  try {
    live = await LiveHost.start(bin);
    await installContracts(live, project);
    for (const tier of tiers) {
      const began = performance.now();
      try {
        const installed = await live.ask<Installed>({ op: "install", dir, source: "check", tier });
        const ms = performance.now() - began;
        yield { check: "tier", of: tier, status: installed.tier === tier ? "ok" : "failed", detail: `It starts there, in ${milliseconds(ms)}.`, ms };
        await live.ask({ op: "uninstall", id });
      } catch (error) {
        yield { ...failed("tier", await advised(project, errorInfo(error))), of: tier };
      }
    }
  } catch (error) {
    yield failed("tier", errorInfo(error));
  } finally {
    await live?.stop();
  }
}
