import type { MessageRepair, ModelEvent, ModelInfo, ModelRequest, ModelSource, ModelVendor, PurposeEndpoint, VendorPurpose } from "@plinth/sdk";
import type { Again, Asker } from "./proofs.ts";

export interface State {
  readonly ready: boolean;
  /** Somebody set it up. */
  readonly configured: boolean;
  readonly reason?: string;
  readonly defaultModel?: string;
}

type Counted = Pick<ModelRequest, "model" | "system" | "messages" | "tools">;

/** Somebody whom models can be asked of. */
export interface Source {
  readonly data: ModelSource;
  /** extension/id, whose opaque parts are its own. */
  readonly maker: string;
  /** What is known of a model without asking anybody. */
  info(model: string): ModelInfo | undefined;
  /** What its data says that it has. */
  readonly known?: readonly ModelInfo[];
  /** false: its server is not this machine's. */
  readonly here?: boolean;
  /** How many tools a request for this model may have; undefined: no bound is known. */
  mostTools?(model: string): number | undefined;
  status(signal: AbortSignal): Promise<State>;
  models(signal: AbortSignal): Promise<ModelInfo[]>;
  stream(request: ModelRequest, signal: AbortSignal, asker?: Asker): AsyncIterable<ModelEvent | Again>;
  /** What its protocol changes in the messages of a request on their way out. */
  repairs?(request: Counted, signal: AbortSignal): Promise<MessageRepair[]>;
  countTokens(request: Counted, signal: AbortSignal): Promise<number | undefined>;
}

export const infoIn = (models: readonly ModelInfo[] | undefined, name: string): ModelInfo | undefined =>
  models?.find(({ id, aliases }) => id === name || aliases?.includes(name) === true);

const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** What a model's answers cost where nobody is paid for them. undefined: somebody is, or that is not known. */
export function unbilledPrice({ data: { unbilled }, here = true }: Pick<Source, "data" | "here">, model: string): ModelInfo["price"] {
  return unbilled === undefined || !here || unbilled.except?.some((end) => model.endsWith(end)) ? undefined : NOTHING;
}

/** What a vendor has for another purpose than completions, whichever that is. */
export type Besides = Pick<NonNullable<NonNullable<ModelVendor["apis"]>[VendorPurpose]>, "api" | "baseUrls" | "headers" | "quirks" | "defaultModel"> &
  Pick<PurposeEndpoint, "models" | "voices">;

/** What is known for that purpose, the default first. */
export function besidesOf({ models, voices, defaultModel }: Besides): Pick<PurposeEndpoint, "models" | "voices"> {
  const first = models?.find(({ id }) => id === defaultModel);
  const rest = models?.filter((one) => one !== first) ?? [];
  return {
    ...(models === undefined ? {} : { models: first === undefined ? rest : [first, ...rest] }),
    ...(voices === undefined ? {} : { voices }),
  };
}
