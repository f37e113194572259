import type { Call, Provider } from "@plinth/sdk";
import { folderSource } from "./folder.ts";

/**
 * A folder that is being worked on. It is taken like any other folder, byte for byte, and checked and consented to as one;
 * the lockfile remembers that it is a link, so that tools for authors know where to read it again.
 */
export const linkSource: Provider<"plinth.plugin-source"> = {
  async fetch(input, call: Call) {
    await folderSource.fetch(input, call);
    return { source: `link:${input.spec}` };
  },
};
