import { type Client, PlinthError } from "@plinth/sdk";
import type { Fetch, Tokens } from "@plinth/sdk/kits/http";
import type { Credentials } from "./credentials.ts";
import type { Exchanges } from "./exchanges.ts";
import type { OAuthServer, Profile } from "./profile.ts";
import type { Kept, Profiles } from "./profiles.ts";
import { loginOf, programsFor } from "./sources.ts";
import type { TokenFiles } from "./tokens.ts";
import type { Usages } from "./usage.ts";
import type { Vendor } from "./vendors.ts";

type Inputs = { [M in keyof Client<"plinth.credentials">]: Parameters<Client<"plinth.credentials">[M]>[0] };
type Record_<T> = Readonly<Record<string, T>>;

const REVOKE_MS = 10_000;

/** What owners change. */
export class Changes {
  readonly #credentials: Credentials;
  readonly #profiles: Profiles;
  readonly #usages: Usages;
  readonly #tokens: TokenFiles;
  readonly #exchanges: Exchanges;
  readonly #fetch: Fetch;

  constructor(parts: { credentials: Credentials; profiles: Profiles; usages: Usages; tokens: TokenFiles; exchanges: Exchanges; fetch: Fetch }) {
    this.#credentials = parts.credentials;
    this.#profiles = parts.profiles;
    this.#usages = parts.usages;
    this.#tokens = parts.tokens;
    this.#exchanges = parts.exchanges;
    this.#fetch = parts.fetch;
  }

  async add({ vendor, id, kind, from, title, agent, expiresAt }: Inputs["add"]): Promise<string> {
    if (kind === "oauth") throw fixed(vendor, "What comes from signing in takes no fixed secret");
    if (expiresAt !== undefined && !(Number.isFinite(expiresAt) && expiresAt > 0 && expiresAt <= 8.64e15))
      throw new PlinthError("PLINTH_BAD_INPUT", "When it ends is no moment.", { next: "Give milliseconds since 1970, or a date." });
    const known = await this.#credentials.vendor(vendor);
    const login = "login" in from ? loginOf(from.login, vendor) : null;
    if (login === undefined) {
      const fitting = programsFor(vendor);
      throw new PlinthError("PLINTH_BAD_INPUT", `${known.title} is not what that program signs in at.`, {
        next: fitting.length === 0 ? `Use a key: plinth models auth add ${vendor} --secret NAME` : `For ${vendor} there is: ${fitting.join(", ")}.`,
      });
    }
    const named = idOf(
      known,
      id ?? `${vendor}:${"secret" in from ? from.secret : "login" in from ? from.login : "keyring" in from ? from.keyring : "command"}`,
    );
    const more = {
      ...(title === undefined ? {} : { title }),
      ...(agent === undefined ? {} : { agent }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
    await this.#put({ id: named, vendor, of: known.of, kind: login?.kind ?? kind, from, ...more });
    return named;
  }

  /** Before anybody signs in: whether what comes of it could be kept. */
  async free(vendor: Vendor, id: string | undefined): Promise<string> {
    const named = idOf(vendor, id ?? `${vendor.id}:default`);
    const other = (await this.#profiles.read()).profiles.find((one) => one.id === named);
    if (other !== undefined && other.kind !== "oauth") throw fixed(vendor.id, `${named} is kept by reference, and is not replaced by signing in`);
    return named;
  }

  async signedIn(vendor: Vendor, id: string, server: OAuthServer, tokens: Tokens, more: { title?: string; agent?: string }): Promise<void> {
    // The tokens first: a profile without any would say that nobody signed in.
    await this.#tokens.keep(id, tokens);
    await this.#put({ id, vendor: vendor.id, of: vendor.of, kind: "oauth", from: { tokens: true }, oauth: server, ...more });
  }

  async order({ vendor, ids, agent }: Inputs["order"]): Promise<void> {
    await this.#credentials.vendor(vendor);
    const there = new Set((await this.#credentials.list({ vendor, ...(agent === undefined ? {} : { agent }) })).map(({ id }) => id));
    const unknown = ids.find((id) => !there.has(id));
    if (unknown !== undefined)
      throw new PlinthError("PLINTH_CREDENTIAL_UNKNOWN", `${vendor} has no credential ${JSON.stringify(unknown.slice(0, 100))}.`, {
        next: `plinth models auth list ${vendor}`,
      });
    const put = (orders: Record_<readonly string[]>): Record_<readonly string[]> => {
      const others = Object.fromEntries(Object.entries(orders).filter(([name]) => name !== vendor));
      return ids.length === 0 ? others : { ...others, [vendor]: [...new Set(ids)] };
    };
    await this.#profiles.change((kept) => {
      if (agent === undefined) return { ...kept, orders: put(kept.orders) };
      return { ...kept, agents: { ...kept.agents, [agent]: put(Object.hasOwn(kept.agents, agent) ? (kept.agents[agent] ?? {}) : {}) } };
    });
  }

  async remove({ id }: Inputs["remove"]): Promise<{ removed: boolean; revoked?: boolean }> {
    const profile = (await this.#profiles.read()).profiles.find((one) => one.id === id);
    if (profile === undefined) return { removed: false };
    const revoked = await this.#revoked(profile);
    await this.#profiles.change((kept) => without(kept, id));
    if ("tokens" in profile.from) await this.#tokens.forget(id);
    await this.#exchanges.forget(id);
    await this.#usages.forget(id);
    return { removed: true, ...(revoked === undefined ? {} : { revoked }) };
  }

  async #put(profile: Profile): Promise<void> {
    await this.#profiles.change((kept) => {
      const before = kept.profiles.find(({ id }) => id === profile.id);
      if (before?.kind === "oauth" && profile.kind !== "oauth")
        throw fixed(profile.vendor, `${profile.id} comes from signing in and takes no fixed secret`);
      return { ...kept, profiles: [...kept.profiles.filter(({ id }) => id !== profile.id), profile] };
    });
    await this.#exchanges.forget(profile.id);
    // A new key is not made to wait for what the old one did.
    await this.#usages.forget(profile.id);
  }

  /** RFC 7009; undefined where the vendor has no such address. */
  async #revoked({ id, from, oauth }: Profile): Promise<boolean | undefined> {
    if (!("tokens" in from) || oauth?.revokeUrl === undefined) return undefined;
    const token = (await this.#tokens.refreshToken(id)) ?? (await this.#tokens.value(id));
    if (token === undefined) return undefined;
    const body = new URLSearchParams({ token, client_id: oauth.clientId }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await this.#fetch(oauth.revokeUrl, { method: "POST", headers, body, timeoutMs: REVOKE_MS, maxBytes: 65_536 }).catch(
      () => undefined,
    );
    await answer?.text().catch(() => "");
    return answer?.ok === true;
  }
}

/** Where it stood in an order, it stands no more. */
function without(kept: Kept, gone: string): Kept {
  const rest = (orders: Record_<readonly string[]>): Record_<readonly string[]> =>
    Object.fromEntries(
      Object.entries(orders).flatMap(([vendor, ids]) => (ids.some((id) => id !== gone) ? [[vendor, ids.filter((id) => id !== gone)]] : [])),
    );
  return {
    version: 1,
    profiles: kept.profiles.filter(({ id }) => id !== gone),
    orders: rest(kept.orders),
    agents: Object.fromEntries(Object.entries(kept.agents).map(([agent, orders]) => [agent, rest(orders)])),
  };
}

function idOf({ id: vendor }: Vendor, id: string): string {
  const name = id.startsWith(`${vendor}:`) ? id : `${vendor}:${id}`;
  if (/^[^\s/:@]+:[A-Za-z0-9._@+-]{1,120}$/.test(name)) return name;
  throw new PlinthError("PLINTH_BAD_INPUT", "That is no name of a credential.", { next: `Name it such as ${vendor}:work.` });
}

const fixed = (vendor: string, what: string): PlinthError =>
  new PlinthError("PLINTH_CREDENTIAL_STATIC", `${what}.`, {
    extension: "plinth.credentials",
    next: `Sign in (plinth models auth login ${vendor}), or add the key under another name.`,
  });
