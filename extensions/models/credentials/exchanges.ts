import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, errorInfo, hostMatches, isLoopbackHost, PlinthError, targetOf } from "@plinth/sdk";
import { writeAtomic } from "@plinth/sdk/home";
import { type Fetch, HttpError, jsonCall } from "@plinth/sdk/kits/http";
import { failure } from "@plinth/sdk/kits/model-api";
import { readOwn } from "./own-file.ts";
import { alone, fileOf } from "./tokens.ts";
import type { Exchange, Vendor } from "./vendors.ts";

const MAX_TOKEN = 65_536;
/** What a server answers for whom it gives no token. */
const NOT_TAKEN = [401, 402, 403, 404];
/** Where the server does not say. */
const GOOD_MS = 600_000;
const LONGEST_S = 86_400;

/** A short-lived token, as it is kept. */
export interface Short {
  readonly token: string;
  readonly expiresAt: number;
  readonly baseUrl?: string;
  /** The server that gave it: of another one it is none. */
  readonly of: string;
}

export interface Wanted {
  readonly id: string;
  readonly vendor: Pick<Vendor, "id" | "title" | "permit">;
  readonly exchange: Exchange;
  readonly minValidMs: number;
}

interface Parts {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** The handle of a secret that this extension may send to one origin. */
  lend(secret: string, origin: string): Promise<string>;
}

/**
 * Short-lived tokens that are sent in the place of a key or a sign-in, a file each, for their owner alone, and shared by all
 * processes. What is exchanged may be sent again after a crash: it is not used up by it.
 */
export class Exchanges {
  readonly #folder: string;
  readonly #parts: Parts;
  readonly #running = new Map<string, Promise<boolean>>();

  constructor(folder: string, parts: Parts) {
    this.#folder = join(folder, "exchanged");
    this.#parts = parts;
  }

  /** The one that is good now. */
  async found(id: string, { url }: Exchange): Promise<Short | undefined> {
    const kept = (await readOwn(this.#file(id)).catch(() => undefined)) as Partial<Short> | undefined;
    if (typeof kept?.token !== "string" || typeof kept.expiresAt !== "number" || kept.of !== url) return undefined;
    return kept.expiresAt > this.#parts.clock.now() ? (kept as Short) : undefined;
  }

  async forget(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  /**
   * A new one where there is none that is good for `minValidMs`. All who want one at the same time, in this process and in
   * others, wait for the same one.
   *
   * @param long the name of the secret that is exchanged
   * @returns whether there is a new one.
   * @throws PLINTH_MODEL_AUTH, PLINTH_MODEL_RATE, PLINTH_MODEL_SERVER, PLINTH_MODEL_NETWORK
   */
  renew(wanted: Wanted, long: () => Promise<string | undefined>): Promise<boolean> {
    const running = this.#running.get(wanted.id);
    if (running !== undefined) return running;
    const made = alone(this.#file(wanted.id), wanted.id, () => this.#renew(wanted, long)).finally(() => this.#running.delete(wanted.id));
    this.#running.set(wanted.id, made);
    return made;
  }

  async #renew({ id, vendor, exchange, minValidMs }: Wanted, long: () => Promise<string | undefined>): Promise<boolean> {
    // Read under the lock: another process may just have done it.
    const kept = await this.found(id, exchange);
    if (kept !== undefined && kept.expiresAt - this.#parts.clock.now() >= minValidMs) return false;
    const secret = await long();
    if (secret === undefined) throw failure("AUTH", `${id} gives no value.`, { next: `plinth models auth list ${vendor.id}` });
    const { url, prefix = "Bearer ", headers = {} } = exchange;
    const { origin, hostname, protocol } = new URL(url);
    if (protocol !== "https:" && !isLoopbackHost(hostname)) throw failure("AUTH", `${id} goes nowhere without TLS, and ${origin} has none.`);
    if (JSON.stringify([prefix, headers]).includes("{{plinth-secret:"))
      throw new PlinthError("PLINTH_PERMISSION", `What ${vendor.title} is asked with for a token names secrets itself.`, {
        next: "Ask whoever wrote its data.",
      });
    const { fetch, clock, lend } = this.#parts;
    try {
      const authorization = `${prefix}${await lend(secret, origin)}`;
      const bounds = { attempts: 2, maxBytes: 262_144, redirect: "manual" } as const;
      const { value } = await jsonCall(fetch, clock, url, { headers: { ...headers, authorization }, ...bounds });
      await writeAtomic(this.#file(id), `${JSON.stringify(this.#read(value, vendor, exchange))}\n`, { mode: 0o600 });
      return true;
    } catch (thrown) {
      throw unanswered(id, vendor, new URL(url).host, thrown);
    }
  }

  #read(value: unknown, { title, permit }: Wanted["vendor"], exchange: Exchange): Short {
    const token = at(value, exchange.token);
    if (typeof token !== "string" || token === "" || token.length > MAX_TOKEN || /[\r\n\0]/.test(token))
      throw failure("SERVER", `The server that exchanges keys of ${title} answered without a token.`);
    const said = at(value, exchange.baseUrl);
    const baseUrl = typeof said === "string" ? addressIn(said, title, exchange) : undefined;
    if (baseUrl !== undefined) permit(baseUrl);
    const now = this.#parts.clock.now();
    // How long goes before when: the clock of this machine may be another.
    const [seconds, moment] = [at(value, exchange.expiresIn), at(value, exchange.expiresAt)];
    const good = isCount(seconds) ? seconds * 1_000 : isCount(moment) ? moment * 1_000 - now : GOOD_MS;
    return { token, expiresAt: now + Math.min(good, LONGEST_S * 1_000), of: exchange.url, ...(baseUrl === undefined ? {} : { baseUrl }) };
  }

  #file(id: string): string {
    return join(this.#folder, fileOf(id));
  }
}

/** The address that an answer names, where it is one of those that its vendor may name. */
function addressIn(said: string, title: string, { hosts = [] }: Exchange): string {
  const url = URL.parse(said);
  const local = isLoopbackHost(url?.hostname ?? "");
  const known =
    url !== null &&
    (url.protocol === "https:" || local) &&
    url.username === "" &&
    hosts.some((pattern) => (pattern === "loopback" ? local : hostMatches(pattern, targetOf(url))));
  if (known) return said.replace(/\/+$/, "");
  throw new PlinthError(
    "PLINTH_MODEL_SERVER",
    `The token of ${title} was given for ${url?.host ?? "no address"}, which is none of its hosts: it is not sent there.`,
    {
      next: "Try again later. If it stays so, ask whoever wrote the vendor's data.",
      details: { retryable: false },
    },
  );
}

const isCount = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value > 0;

function at(value: unknown, path: string | undefined): unknown {
  let found = path === undefined ? undefined : value;
  for (const name of path?.split(".") ?? [])
    found = typeof found === "object" && found !== null && Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : undefined;
  return found;
}

/** Why there is no token: in one of the classes by which credentials rest. What the server says besides is not repeated. */
function unanswered(id: string, { id: vendor, title }: Wanted["vendor"], host: string, thrown: unknown): unknown {
  const { code } = errorInfo(thrown);
  if (thrown instanceof HttpError) {
    const { status, retryAfterMs } = thrown;
    const details = retryAfterMs === undefined ? {} : { retryAfterMs };
    const why = `${host} answered with ${status}`;
    if (status === 429) return failure("RATE", `${id} was exchanged too often: ${why}.`, { details });
    // A redirect is not followed: what is exchanged goes to one address.
    if (!NOT_TAKEN.includes(status)) return failure("SERVER", `${id} cannot be exchanged: ${why}.`, { details });
    const next = `Sign in again (plinth models auth login ${vendor}), or see whether the account has ${title}.`;
    return failure("AUTH", `${id} is not taken for ${title}: ${why}.`, { next });
  }
  if (code === "PLINTH_NET" || code === "PLINTH_DEADLINE") return failure("NETWORK", `${host} cannot be reached, where ${id} is exchanged.`);
  return thrown instanceof SyntaxError ? failure("SERVER", `${host} did not answer with JSON.`) : thrown;
}
