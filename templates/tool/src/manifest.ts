// Written by `plinth types` from plinth.json: change the manifest and run it again.
import type { ManifestTypes } from "@plinth/sdk";

/** What __ID__ declares. */
export interface Manifest extends ManifestTypes {
  provides: {
    "plinth.tool": "__NAME__";
  };
  uses: never;
  hooks: never;
  config: {
    /** The word before the name. */
    greeting: string;
  };
  secrets: never;
  env: never;
}
