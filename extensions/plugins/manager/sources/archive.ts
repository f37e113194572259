import type { Call, Provider } from "@plinth/sdk";
import { ownersOnly } from "./owner.ts";

/** A packed extension on this machine. */
export const archiveSource: Provider<"plinth.plugin-source"> = {
  async fetch({ spec: path, into }, call: Call) {
    ownersOnly(call);
    const { extractArchive } = await import("@plinth/registry");
    const { integrity } = await extractArchive(path, into, { signal: call.signal });
    return { source: `archive:${path}`, integrity };
  },
};
