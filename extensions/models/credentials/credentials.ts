import { type Client, type Clock, type Credential, type KernelSnapshot, PlinthError } from "@plinth/sdk";
import { type ClaimHeaders, claimed } from "./claims.ts";
import { eligible, inOrder, type Usage, type Verdict } from "./eligibility.ts";
import type { Exchanges } from "./exchanges.ts";
import { type Found, fromWords, NOTHING, type Profile } from "./profile.ts";
import type { Kept, Profiles } from "./profiles.ts";
import type { Sources } from "./sources.ts";
import type { TokenFiles } from "./tokens.ts";
import type { Usages } from "./usage.ts";
import { authOf, type Exchange, givenOf, hasChain, type Vendor, type Vendors } from "./vendors.ts";

type Inputs = { [M in keyof Client<"plinth.credentials">]: Parameters<Client<"plinth.credentials">[M]>[0] };

export interface Parts {
  readonly clock: Clock;
  readonly vendors: Vendors;
  readonly profiles: Profiles;
  readonly usages: Usages;
  readonly sources: Sources;
  readonly tokens: TokenFiles;
  readonly exchanges: Exchanges;
  snapshot(): Promise<KernelSnapshot>;
  /** @returns the name under which the value can be lent. */
  hold(purpose: string, value: string): Promise<string>;
}

interface Judged {
  readonly profile: Profile;
  readonly usage: Usage;
  readonly found: Found;
  readonly verdict: Verdict;
  /** That it was judged for. */
  readonly model?: string | undefined;
}

interface World {
  readonly snapshot: KernelSnapshot;
  readonly vendors: ReadonlyMap<string, Vendor>;
  readonly kept: Kept;
}

/** All credentials: what is known of each, and which are tried for a request. */
export class Credentials {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async list({ vendor, agent }: Inputs["list"]): Promise<Credential[]> {
    const world = await this.#world();
    const all = await Promise.all(this.#profiles(world, vendor).map((profile) => this.#judged(world, profile, { agent })));
    if (vendor === undefined) return all.map(shown);
    const order = orderIn(world.kept, vendor, agent);
    const sorted = inOrder(all, { order, agent });
    if (order === undefined) sorted.sort((a, b) => Number(b.verdict.reason === "ok") - Number(a.verdict.reason === "ok"));
    return sorted.map(shown);
  }

  async choose({ vendor, model, agent, sessionKey, pinned }: Inputs["choose"]): Promise<{ order: Credential[]; passed: Credential[] }> {
    const { usages } = this.#parts;
    const world = await this.#world();
    const all = await Promise.all(this.#profiles(world, vendor).map((profile) => this.#judged(world, profile, { agent, model })));
    const sticky = sessionKey === undefined || all.length < 2 ? undefined : await usages.session(vendor, sessionKey);
    const by = { order: orderIn(world.kept, vendor, agent), sticky, pinned, agent };
    if (pinned !== undefined && !all.some(({ profile }) => profile.id === pinned)) throw unknown(pinned);
    const passed = all.filter(({ verdict }) => verdict.reason !== "ok").map(shown);
    const order: Credential[] = [];
    for (const one of inOrder(
      all.filter(({ verdict }) => verdict.reason === "ok"),
      by,
    )) {
      const lent = await this.#lent(world, one.profile);
      if (lent === undefined) passed.push(shown({ ...one, verdict: { reason: "unresolved" } }));
      else order.push(withLent(shown(one), lent));
    }
    // What only rests may be asked where there is nothing else.
    if (order.length === 0)
      for (const one of all.filter(isResting)) {
        const at = passed.findIndex(({ id }) => id === one.profile.id);
        passed[at] = withLent(shown(one), await this.#lent(world, one.profile));
      }
    const first = order[0]?.id;
    if (sessionKey !== undefined && all.length > 1 && pinned === undefined && first !== undefined && first !== sticky)
      await usages.stay(vendor, sessionKey, first);
    return { order, passed };
  }

  async report(report: Inputs["report"]): Promise<Credential> {
    const { usages, sources } = this.#parts;
    const { world, profile } = await this.get(report.id);
    if (report.outcome === "auth") {
      sources.forget(profile.from, profile.vendor);
      await this.#parts.exchanges.forget(profile.id);
    }
    await usages.note(report);
    return shown(await this.#judged(world, profile, { model: report.model, agent: profile.agent }));
  }

  async refresh({ id, minValidMs = 60_000 }: Inputs["refresh"]): Promise<{ credential: Credential; refreshed: boolean }> {
    const { profile, world } = await this.get(id);
    const exchange = this.#auth(world, profile)?.exchange;
    const renewed = "tokens" in profile.from && (await this.#parts.tokens.refresh(profile, minValidMs));
    const refreshed = exchange === undefined ? renewed : await this.#exchanged(world, profile, exchange, minValidMs);
    // What was lent before goes on with the new one.
    const lent = refreshed || exchange !== undefined ? await this.#lent(world, profile) : {};
    return { credential: withLent(await this.one(id), lent), refreshed };
  }

  async one(id: string): Promise<Credential> {
    const { world, profile } = await this.get(id);
    return shown(await this.#judged(world, profile, { agent: profile.agent }));
  }

  /** @throws PLINTH_CREDENTIAL_UNKNOWN */
  async get(id: string): Promise<{ world: World; profile: Profile }> {
    const world = await this.#world();
    const profile = this.#profiles(world, undefined).find((one) => one.id === id);
    if (profile !== undefined) return { world, profile };
    throw unknown(id);
  }

  /** @throws PLINTH_CREDENTIAL_UNKNOWN */
  async vendor(id: string): Promise<Vendor> {
    const vendor = (await this.#world()).vendors.get(id);
    if (vendor !== undefined) return vendor;
    throw new PlinthError("PLINTH_CREDENTIAL_UNKNOWN", `There is no vendor ${JSON.stringify(id.slice(0, 100))}.`, { next: "plinth models --all" });
  }

  async #world(): Promise<World> {
    const { snapshot: take, vendors, profiles } = this.#parts;
    const snapshot = await take();
    const [known, kept] = await Promise.all([vendors.all(snapshot), profiles.read()]);
    return { snapshot, vendors: known, kept };
  }

  /** What was added and what the vendors have by themselves; another extension's vendor of the same id does not get it. */
  #profiles({ vendors, kept }: World, wanted: string | undefined): Profile[] {
    const added = kept.profiles.filter(({ vendor, of }) => (wanted ?? vendor) === vendor && vendors.get(vendor)?.of === of);
    const taken = new Set(added.map(({ vendor, from }) => ("secret" in from ? `${vendor}:${from.secret}` : "")));
    const asked = wanted === undefined ? [...vendors.values()] : [vendors.get(wanted)].filter((one) => one !== undefined);
    const ids = new Set(added.map(({ id }) => id));
    return [...added, ...asked.flatMap(givenOf).filter(({ id }) => !taken.has(id) && !ids.has(id))];
  }

  async #judged(world: World, profile: Profile, asked: { agent?: string | undefined; model?: string | undefined }): Promise<Judged> {
    const [usage, found] = await Promise.all([this.#parts.usages.of(profile.id), this.#found(world, profile)]);
    const order = orderIn(world.kept, profile.vendor, asked.agent);
    return { profile, usage, found, model: asked.model, verdict: eligible(profile, found, usage, { now: this.#parts.clock.now(), order, ...asked }) };
  }

  async #found({ snapshot }: World, { id, from, vendor }: Profile): Promise<Found> {
    if ("secret" in from) return { there: (await snapshot.secretExists?.(from.secret)) ?? false };
    if ("chain" in from) return { there: hasChain() };
    if ("tokens" in from) return this.#parts.tokens.found(id);
    const seen = await this.#parts.sources.look(from, vendor);
    if (seen === undefined) return NOTHING;
    if (seen === true) return { there: true, untried: true };
    return { there: true, ...(seen.expiresAt === undefined ? {} : { expiresAt: seen.expiresAt }) };
  }

  #auth({ vendors }: World, profile: Profile): Vendor["auth"][number] | undefined {
    const vendor = vendors.get(profile.vendor);
    return vendor === undefined ? undefined : authOf(vendor, profile);
  }

  /** What is exchanged is lent to this extension alone, for the one server that exchanges it. */
  async #exchanged({ vendors }: World, profile: Profile, exchange: Exchange, minValidMs: number): Promise<boolean> {
    const vendor = vendors.get(profile.vendor) as Vendor;
    vendor.permit(exchange.url, "secret" in profile.from ? profile.from.secret : undefined);
    return this.#parts.exchanges.renew({ id: profile.id, vendor, exchange, minValidMs }, async () => (await this.#value(profile, undefined))?.secret);
  }

  /** What a header is made of: the name of a secret, or of what is held for now; undefined where there is no value. */
  async #lent(world: World, profile: Profile): Promise<Partial<Credential> | undefined> {
    const { exchange, claimHeaders } = this.#auth(world, profile) ?? {};
    if (exchange === undefined) return this.#value(profile, claimHeaders);
    const { id } = profile;
    const short = await this.#parts.exchanges.found(id, exchange);
    if (short === undefined) return { exchanged: true };
    const { token, expiresAt, baseUrl } = short;
    const secret = await this.#parts.hold(`${id} exchanged`, token);
    return { exchanged: true, secret, held: true, expiresAt, ...(baseUrl === undefined ? {} : { baseUrl }) };
  }

  async #value({ id, from, vendor }: Profile, claims: ClaimHeaders): Promise<Partial<Credential> | undefined> {
    if ("secret" in from) return { secret: from.secret };
    if ("chain" in from) return {};
    const value = "tokens" in from ? await this.#parts.tokens.value(id) : (await this.#parts.sources.read(from, vendor))?.value;
    if (value === undefined) return undefined;
    const headers = claims === undefined ? undefined : claimed(value, claims);
    return { secret: await this.#parts.hold(id, value), held: true, ...(headers === undefined ? {} : { headers }) };
  }
}

/** With what can be lent of it; the name of what is exchanged is not told, as it is lent to nobody. */
function withLent({ secret, ...credential }: Credential, lent: Partial<Credential> | undefined): Credential {
  const own = lent?.exchanged === true || secret === undefined ? {} : { secret };
  return { ...credential, ...own, ...lent };
}

const unknown = (id: string): PlinthError =>
  new PlinthError("PLINTH_CREDENTIAL_UNKNOWN", `There is no credential ${JSON.stringify(id.slice(0, 100))}.`, { next: "plinth models auth list" });

const isResting = ({ verdict }: Judged): boolean => ["cooldown", "disabled", "no-model"].includes(verdict.reason);

export function orderIn(kept: Kept, vendor: string, agent: string | undefined): readonly string[] | undefined {
  const own = agent !== undefined && Object.hasOwn(kept.agents, agent) ? kept.agents[agent] : undefined;
  if (own !== undefined && Object.hasOwn(own, vendor)) return own[vendor];
  return Object.hasOwn(kept.orders, vendor) ? kept.orders[vendor] : undefined;
}

function shown({ profile, usage, found, verdict, model }: Judged): Credential {
  const { id, vendor, kind, from, title, agent, expiresAt = found.expiresAt } = profile;
  const { usedAt, models = {} } = usage;
  const failures = (usage.failures ?? 0) + (model !== undefined && Object.hasOwn(models, model) ? (models[model]?.failures ?? 0) : 0);
  return {
    ...{ id, vendor, kind, usable: verdict.reason === "ok", reason: verdict.reason, from: fromWords(from) },
    ...(title === undefined ? {} : { title }),
    ...(agent === undefined ? {} : { agent }),
    ...("secret" in from ? { secret: from.secret } : {}),
    ...(profile.given === true ? { given: true } : {}),
    ...(typeof expiresAt === "number" && Number.isFinite(expiresAt) ? { expiresAt } : {}),
    // What was used was tried, also by another process.
    ...(usedAt === undefined ? (found.untried ? { untried: true } : {}) : { usedAt }),
    ...(failures === 0 ? {} : { failures }),
    ...(verdict.until === undefined ? {} : { until: verdict.until }),
  };
}
