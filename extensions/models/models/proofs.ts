import {
  type Call,
  type Client,
  CREDENTIAL_WORDS,
  type Credential,
  errorInfo,
  isProduct,
  type ModelsEvent,
  type ModelVendor,
  PlinthError,
} from "@plinth/sdk";

type Auth = ModelVendor["auth"][number];
export type Again = Extract<ModelsEvent, { type: "again" }>;
export type Outcome = Parameters<Client<"plinth.credentials">["report"]>[0]["outcome"];

/** For whom a vendor is asked. */
export interface Asker {
  readonly agent?: string;
  readonly sessionKey?: string;
  /** A credential by its id, asked first whatever the order. */
  readonly pinned?: string;
}

/** Which credentials of a vendor there are, and what came of them: `plinth.credentials`, or the vendor's own keys alone. */
export interface Proofs {
  list(vendor: string, auth: readonly Auth[]): Promise<readonly Credential[]>;
  /** Those to be tried, first to last. */
  choose(vendor: string, auth: readonly Auth[], asked: Asker & { model?: string }): Promise<readonly Credential[]>;
  report(id: string, model: string | undefined, outcome: Outcome, retryAfterMs: number | undefined): Promise<void>;
  /** As it is with a token that is good for a minute at least. */
  refresh(id: string): Promise<Credential | undefined>;
}

/** What only rests is asked where there is nothing else, the one that is nearest to its end. */
const RESTS: readonly Credential["reason"][] = ["cooldown", "disabled", "no-model"];
export const canBeAsked = ({ usable, reason }: Credential): boolean => usable || RESTS.includes(reason);

/** So long it need not be told again that one is taken. */
const NOTED_MS = 60_000;
export const isNews = ({ usable, failures = 0, usedAt = 0 }: Credential, now: number): boolean => !usable || failures > 0 || now - usedAt >= NOTED_MS;

/** With the slot that decides among them. */
export function chosenProofs(credentials: Client<"plinth.credentials">, warn: (message: string, fields: object) => void): Proofs {
  return {
    list: async (vendor) => (await credentials.list({ vendor })).credentials,
    async choose(vendor, _auth, asked) {
      const { order, passed } = await credentials.choose({ vendor, ...asked });
      if (order.length > 0) return order;
      return passed
        .filter(canBeAsked)
        .sort((a, b) => (a.until ?? 0) - (b.until ?? 0))
        .slice(0, 1);
    },
    async report(id, model, outcome, retryAfterMs) {
      const wait = retryAfterMs === undefined ? {} : { retryAfterMs: Math.max(0, Math.round(retryAfterMs)) };
      // The answer is worth more than the note about it.
      await credentials
        .report({ id, outcome, ...(model === undefined ? {} : { model: model.slice(0, 256) }), ...wait })
        .catch((thrown: unknown) => warn("what came of a credential was not noted", { code: errorInfo(thrown).code }));
    },
    async refresh(id) {
      return (await credentials.refresh({ id })).credential;
    },
  };
}

/** Where nobody decides: the first key that is set, or AWS's own chain. */
export function plainProofs(set: (names: readonly string[]) => Promise<readonly string[]>, hasChain: () => boolean): Proofs {
  const list: Proofs["list"] = async (vendor, auth) => {
    // Nobody is there who could exchange one.
    const names = auth.flatMap(({ kind, secret, exchange }) => (kind === "key" && secret !== undefined && exchange === undefined ? [secret] : []));
    const there = await set(names);
    const found = names.map((secret): Credential => {
      const usable = there.includes(secret);
      return { id: `${vendor}:${secret}`, vendor, kind: "key", secret, usable, reason: usable ? "ok" : "missing" };
    });
    if (!auth.some(({ kind }) => kind === "aws")) return found;
    const usable = hasChain();
    return [...found, { id: `${vendor}:aws`, vendor, kind: "aws", usable, reason: usable ? "ok" : "missing" }];
  };
  return {
    list,
    choose: async (vendor, auth) => (await list(vendor, auth)).filter(({ usable }) => usable).slice(0, 1),
    report: async () => {},
    refresh: async () => undefined,
  };
}

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  PLINTH_MODEL_AUTH: "auth",
  PLINTH_MODEL_BILLING: "billing",
  PLINTH_MODEL_QUOTA: "quota",
  PLINTH_MODEL_RATE: "rate",
  PLINTH_MODEL_OVERLOADED: "overloaded",
  PLINTH_MODEL_SERVER: "server",
  PLINTH_MODEL_NETWORK: "network",
  PLINTH_MODEL_UNKNOWN: "model",
};
/** What another credential of the same vendor may not meet. */
const ITS_OWN: readonly (Outcome | undefined)[] = ["auth", "billing", "quota", "rate", "model"];
/** What it had no part in, or what another account may have: work that was begun with that one. */
const OF_ANOTHER = new Set(["PLINTH_CREDENTIAL_REFRESH", "PLINTH_SECRET_MISSING", "PLINTH_MODEL_JOB"]);

/** What a failure says of the credential; `next`: whether another one of the vendor is worth asking. */
export function outcomeOf(thrown: unknown): { outcome: Outcome | undefined; next: boolean; retryAfterMs: number | undefined } {
  const { code, retryAfterMs } = errorInfo(thrown);
  const outcome = Object.hasOwn(OUTCOMES, code) ? OUTCOMES[code] : undefined;
  return { outcome, next: ITS_OWN.includes(outcome) || OF_ANOTHER.has(code), retryAfterMs };
}

/** How the vendor is told of one of its credentials. */
export function authFor(all: readonly Auth[], { kind, secret }: Credential): Auth | undefined {
  const keys = all.filter((one) => one.kind === "key");
  const named = keys.find((one) => one.secret === secret) ?? keys[0];
  const signed = all.find((one) => one.kind === "oauth");
  if (kind === "aws") return all.find((one) => one.kind === "aws");
  return kind === "key" ? (named ?? signed) : (signed ?? named);
}

/** The headers that carry a handle. */
export function proved({ header = "authorization", prefix, headers }: Auth, handle: string): Record<string, string> {
  const name = header.toLowerCase();
  return { ...headers, [name]: `${prefix ?? (name === "authorization" ? "Bearer " : "")}${handle}` };
}

/** Why there is none, in a sentence without its dot; undefined where none was ever set up. */
export function whyNone(all: readonly Credential[]): string | undefined {
  const set = all.filter(({ reason }) => reason !== "missing" && reason !== "ok");
  return set.length === 0 ? undefined : set.map(({ id, reason }) => `${id} ${CREDENTIAL_WORDS[reason] ?? reason}`).join(", ");
}

/** Said before another one is asked: what failed, and who is asked instead. */
export function said(from: string, to: string, thrown: unknown): Again {
  const { code, message } = errorInfo(thrown);
  return { type: "again", code, message: `${to} is used, because ${from} failed: ${message}`.slice(0, 1_000), afterMs: 0 };
}

/** `provider/model@provider:name` names a credential besides. */
export function unpinned(name: string): { name: string; pinned?: string } {
  const slash = name.indexOf("/");
  const at = slash < 1 ? -1 : name.indexOf(`@${name.slice(0, slash)}:`, slash);
  return at < 0 ? { name } : { name: name.slice(0, at), pinned: name.slice(at + 1) };
}

/**
 * For whom a caller may ask: another publisher's extension for nobody in particular, so that it uses neither an agent's own
 * credentials nor one that it names.
 *
 * @throws PLINTH_PERMISSION where it names one
 */
export function askerOf(names: readonly string[], asked: { agent?: string | undefined; sessionKey?: string | undefined }, caller: string): Asker {
  const { agent, sessionKey } = asked;
  if (isProduct(caller)) return { ...(agent === undefined ? {} : { agent }), ...(sessionKey === undefined ? {} : { sessionKey }) };
  if (names.every((name) => unpinned(name).pinned === undefined)) return {};
  throw new PlinthError("PLINTH_PERMISSION", `${caller} may not steer which credential is used.`, {
    extension: caller,
    next: "Name the model alone.",
  });
}

/** How it is told that a third party may have chosen the turn's model. */
const CHOSE = ["changed turn.prepare", "many others"];

/** The models that are asked, without the credentials that are named with them where a third party may have named these. */
export const chainOf = (names: readonly string[], work: Call["work"]): readonly string[] =>
  work?.influences.some(({ how }) => CHOSE.includes(how)) === true ? names.map((name) => unpinned(name).name) : names;

export const unusable = (title: string, why: string, id: string, extension: string): PlinthError =>
  new PlinthError("PLINTH_MODEL_AUTH", `${title} needs a key, and ${why}`, {
    extension,
    next: `Set it in the environment, or keep it: plinth init --provider ${id}. See plinth models auth list ${id}`,
    details: { retryable: false },
  });
