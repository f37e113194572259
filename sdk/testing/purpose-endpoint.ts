import type { Manifest, ModelVendor, PurposeEndpoint, VendorPurpose } from "../extension/index.ts";

/** The endpoint that `plinth.models` makes of a vendor's data for one purpose, with a server of the test's own. */
export function purposeEndpoint(
  manifest: Pick<Manifest, "provides">,
  purpose: VendorPurpose,
  baseUrl: string,
  headers: Record<string, string>,
): PurposeEndpoint {
  const provided = manifest.provides?.find(({ contract }) => contract === "plinth.model-vendor");
  if (provided === undefined) throw new Error("The manifest provides no plinth.model-vendor.");
  const { title, apis } = provided.descriptor as ModelVendor;
  const { models = [], quirks, ...more } = apis?.[purpose] ?? {};
  const voices = "voices" in more && more.voices !== undefined ? { voices: more.voices } : {};
  return { vendor: provided.id, title, baseUrl, headers, models, ...voices, ...(quirks === undefined ? {} : { quirks }) };
}

/** A client of a provider with `api`, each of whose inputs has this endpoint: for the suites of contracts. */
export const withEndpoint = <Client extends object>(client: Client, endpoint: PurposeEndpoint): Client =>
  new Proxy(client, {
    get: (target, name) => (input: object, options?: object) => (target as any)[name]({ ...input, endpoint }, options),
  });
