export type { Api } from "./api.ts";
export { RATE_LIMITS, type RateLimitOptions } from "./rate-limits.ts";
export { reindex } from "./reindex.ts";
export { type RegistryServer, type RegistryServerOptions, startRegistryServer } from "./server.ts";
export { openConfiguredStorage, openStorage, type Storage } from "./storage/index.ts";
