/** The part of an extension's `ctx.fetch` that the client needs. */
export type RegistryFetch = (
  url: string,
  options: { headers?: Record<string, string>; redirect?: "manual"; signal?: AbortSignal; timeoutMs?: number; maxBytes?: number },
) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Uint8Array>;
}>;
