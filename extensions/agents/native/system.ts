import type { ModelRequest } from "@plinth/sdk";

/** The instructions of a model call: what stays the same, and after it what does not. */
export type System = NonNullable<ModelRequest["system"]>;
