import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Api } from "./api.ts";
import { Authentication } from "./authentication.ts";
import { BODY_LIMITS, Bodies, type BodyLimits } from "./body.ts";
import { Catalogue, type CatalogueOptions } from "./catalogue.ts";
import type { TxtResolver } from "./dns-proof.ts";
import { Downloads } from "./downloads.ts";
import { Handler } from "./handler.ts";
import { openApi } from "./openapi.ts";
import { type CheckBounds, PackageChecks } from "./package-checks.ts";
import { RATE_LIMITS, type RateLimitOptions, RateLimits } from "./rate-limits.ts";
import { Reads } from "./reads.ts";
import { registerKnownPublishers } from "./reindex.ts";
import { Router } from "./router.ts";
import { allRoutes } from "./routes/index.ts";
import { StaticFiles } from "./static-files.ts";
import { openConfiguredStorage, type Storage } from "./storage/index.ts";
import { Tarballs } from "./tarballs.ts";
import { Tokens } from "./tokens.ts";

export interface RegistryServerOptions {
  /** The folder of static files; made when it is not there. */
  dir: string;
  /** The service's own folder, for its database and what is withheld; never below `dir`. */
  dataDir: string;
  /** Name of a registry that is made by this. */
  name?: string;
  host?: string;
  /** 0: any free one. */
  port?: number;
  /** Reverse proxies of one's own before it, whose X-Forwarded-For is believed. Default 0. */
  proxies?: number;
  registration?: Api["registration"];
  limits?: Partial<RateLimitOptions>;
  bodies?: Partial<BodyLimits>;
  timeouts?: Partial<Timeouts>;
  trust?: CatalogueOptions["trust"];
  /** Bounds for the check of one package. */
  checks?: Partial<CheckBounds>;
  resolveTxt?: TxtResolver;
  /** postgres://…; default: SQLite in `dataDir`. */
  database?: string | undefined;
  /** Default: what `database` names. */
  storage?: Storage;
  now?: () => number;
  log?: (line: { level: "info" | "error"; message: string }) => void;
}

export interface Timeouts {
  /** For a request's head. */
  headersMs: number;
  /** For a whole request. */
  requestMs: number;
  /** Without a byte in either direction. */
  idleMs: number;
}

export interface RegistryServer {
  url: string;
  port: number;
  api: Api;
  /** Take no more requests, finish those that are under way, write down what is only in memory. */
  close(): Promise<void>;
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 120_000, idleMs: 30_000 };
const RENEW_MS = 6 * 3_600_000;
const MAX_CONNECTIONS = 8_192;
const VERSION = "1";

/** Start the registry's service. It resolves when it listens. */
export async function startRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { dir, dataDir, now = Date.now, log = () => {} } = options;
  assertApart(dir, dataDir);
  const failed = (error: unknown): void => log({ level: "error", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  const storage = options.storage ?? (await openConfiguredStorage(dataDir, options.database));
  const files = new StaticFiles(dir, now);
  const { name, trust, resolveTxt, registration = "token" } = options;
  const catalogue = new Catalogue({
    dir,
    dataDir,
    storage,
    now,
    failed,
    checks: new PackageChecks(options.checks),
    changed: () => files.changed(),
    ...(name === undefined ? {} : { name }),
    ...(trust === undefined ? {} : { trust }),
  });
  await catalogue.open();
  await registerKnownPublishers(dir, storage, now);

  const api: Api = { catalogue, storage, tokens: new Tokens(storage, now), now, registration, resolveTxt };
  const downloads = new Downloads(storage.downloads, now, failed);
  const router = new Router(allRoutes(api));
  const document = Buffer.from(JSON.stringify(openApi(router.routes, { title: await catalogue.name(), version: VERSION })));
  const reads = new Reads({ api, files, tarballs: new Tarballs(files, (id, version) => downloads.count(id, version)), document });
  const limits = new RateLimits({ ...RATE_LIMITS, ...options.limits }, now);
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const bodies = new Bodies({ ...BODY_LIMITS, ...options.bodies }, timeouts.idleMs);
  const authentication = new Authentication(api.tokens, limits);
  const handler = new Handler({ api, router, reads, limits, authentication, bodies, proxies: options.proxies ?? 0, failed });

  const renewal = setInterval(() => void renew(trust).then(() => files.changed(), failed), RENEW_MS).unref();
  const server = listener((request, response) => handler.handle(request, response), timeouts);
  const port = await listen(server, options.port ?? 0, options.host ?? "127.0.0.1");
  const url = `http://${(options.host ?? "127.0.0.1").includes(":") ? `[${options.host}]` : (options.host ?? "127.0.0.1")}:${port}/`;
  log({ level: "info", message: `serving ${dir} at ${url}` });

  let closing: Promise<void> | undefined;
  return {
    url,
    port,
    api,
    close() {
      clearInterval(renewal);
      closing ??= stop(server)
        .then(() => catalogue.close())
        .then(() => downloads.flush())
        .then(() => storage.close());
      return closing;
    },
  };
}

/** What the registry signed is believed for some days: one in which nothing changes signs anew. What no state names any more goes. */
async function renew(trust: CatalogueOptions["trust"]): Promise<void> {
  await trust?.renew();
  await trust?.prune();
}

function listener(handle: (request: IncomingMessage, response: ServerResponse) => void, { headersMs, requestMs, idleMs }: Timeouts): Server {
  const connectionsCheckingInterval = Math.min(5_000, headersMs);
  const server = createServer({ headersTimeout: headersMs, requestTimeout: requestMs, connectionsCheckingInterval, maxHeaderSize: 16_384 }, handle);
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = 64;
  server.keepAliveTimeout = 10_000;
  server.setTimeout(idleMs);
  return server;
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        new PlinthError("PLINTH_LISTEN", `The registry cannot listen at ${host}:${port} (${cause.code}).`, {
          next: "Choose another port with --port, or end what uses it.",
          cause,
        }),
      );
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

const GRACE_MS = 10_000;

async function stop(server: Server): Promise<void> {
  const closed = new Promise<void>((done) => server.close(() => done()));
  // A connection that is kept alive is idle only once its answer is sent.
  const idle = setInterval(() => server.closeIdleConnections(), 25);
  const late = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(late);
}

/** The database and withheld tarballs must not be served by whoever serves the folder. */
function assertApart(dir: string, dataDir: string): void {
  const inside = `${dataDir}/`.startsWith(dir.endsWith("/") ? dir : `${dir}/`);
  if (!inside) return;
  throw new PlinthError("PLINTH_REGISTRY_DATA", "The service's own folder is inside the folder that is served.", {
    next: "Choose a folder beside it with --data.",
  });
}
