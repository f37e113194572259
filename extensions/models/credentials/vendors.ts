import { type Context, isProduct, type KernelSnapshot, type ModelVendor } from "@plinth/sdk";
import { permitted } from "@plinth/sdk/kits/model-api";
import type { Profile } from "./profile.ts";

const FRESH_MS = 10_000;
/** What a chain of AWS begins with; whether it gives something is seen when it is asked. */
const CHAIN = ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];

export type Exchange = NonNullable<ModelVendor["auth"][number]["exchange"]>;

export interface Vendor {
  readonly id: string;
  readonly title: string;
  /** Whose it is. */
  readonly of: string;
  readonly auth: readonly ModelVendor["auth"][number][];
  /** Throws where a third party's vendor was not granted to be reached there, or with that secret. */
  permit(url: string, secret?: string): void;
}

interface Settings {
  readonly secret?: string;
  readonly baseUrl?: string;
  readonly title?: string;
}

/** The vendors and the servers of the configuration, with the ways in which each is told who asks. */
export class Vendors {
  readonly #ctx: Context;
  #read: { vendors: Promise<ReadonlyMap<string, Vendor>>; until: number; generation: string } | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  async all(snapshot: KernelSnapshot): Promise<ReadonlyMap<string, Vendor>> {
    const now = this.#ctx.clock.now();
    const generation = `${this.#ctx.currentWork()?.generation} ${snapshot.generation}`;
    if (this.#read !== undefined && this.#read.until > now && this.#read.generation === generation) return this.#read.vendors;
    const read = { vendors: this.#make(snapshot), until: now + FRESH_MS, generation };
    this.#read = read;
    read.vendors.catch(() => {
      if (this.#read === read) this.#read = undefined;
    });
    return read.vendors;
  }

  async #make({ config, grants }: KernelSnapshot): Promise<ReadonlyMap<string, Vendor>> {
    const of = (id: string): { vendors?: Record<string, Settings>; servers?: Record<string, Settings> } => {
      const entry = config?.extensions?.[id];
      return typeof entry === "object" ? ((entry.config ?? {}) as object) : {};
    };
    const [own, before] = [of("plinth.models"), of("plinth.openai-compatible")];
    const vendors = new Map<string, Vendor>();
    for (const { id, extension, descriptor } of await this.#ctx.use("plinth.model-vendor").list()) {
      const { secret, baseUrl } = { ...settingsIn(before.vendors, id), ...settingsIn(own.vendors, id) };
      const permit = (url: string, secret?: string): void => {
        if (!isProduct(extension)) permitted(grants?.get(extension)?.permissions, extension, secret, url);
      };
      const auth = secret === undefined ? descriptor.auth : withSecret(descriptor.auth, secret, baseUrl);
      vendors.set(id, { id, title: descriptor.title, of: extension, auth, permit });
    }
    for (const [id, { secret, title = id }] of Object.entries(own.servers ?? {}))
      vendors.set(id, { id, title, of: "plinth.models", auth: secret === undefined ? [{ kind: "none" }] : [{ kind: "key", secret }], permit() {} });
    return vendors;
  }
}

/** The credentials of a vendor that nobody added: its keys by name, and AWS's chain. */
export function givenOf({ id, of, auth }: Vendor): Profile[] {
  return auth.flatMap(({ kind, secret }): Profile[] => {
    if (kind === "key" && secret !== undefined) return [{ id: `${id}:${secret}`, vendor: id, of, kind, from: { secret }, given: true }];
    // A third party's data does not reach for AWS's chain.
    return kind === "aws" && isProduct(of) ? [{ id: `${id}:aws`, vendor: id, of, kind, from: { chain: true }, given: true }] : [];
  });
}

/** How the vendor is told of it. */
export function authOf({ auth }: Pick<Vendor, "auth">, { kind, from }: Pick<Profile, "kind" | "from">): Vendor["auth"][number] | undefined {
  const keys = auth.filter((one) => one.kind === "key");
  const named = keys.find(({ secret }) => "secret" in from && secret === from.secret) ?? keys[0];
  const signed = auth.find((one) => one.kind === "oauth");
  return kind === "key" ? (named ?? signed) : (signed ?? named);
}

export const hasChain = (): boolean => CHAIN.some((name) => (process.env[name] ?? "") !== "");

/** The configuration's own name of the key stands for all that the vendor has. At an address of one's own nobody exchanges it. */
function withSecret(auth: Vendor["auth"], secret: string, baseUrl: string | undefined): Vendor["auth"] {
  const { exchange, ...first } = auth.find(({ kind }) => kind === "key") ?? { kind: "key" as const };
  const exchanged = exchange === undefined || baseUrl !== undefined ? {} : { exchange };
  return [{ ...first, ...exchanged, kind: "key", secret }, ...auth.filter(({ kind }) => kind !== "key")];
}

const settingsIn = (record: Record<string, Settings> | undefined, id: string): Settings | undefined =>
  record !== undefined && Object.hasOwn(record, id) ? record[id] : undefined;
