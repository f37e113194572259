import { PlinthError, targetOf } from "@plinth/sdk";
import { Exemptions } from "./exemptions.ts";
import { isThisMachine } from "./policy.ts";

/** The proxy of a network through which this machine reaches others. */
export interface Upstream {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** For people: its address without what is secret in it. */
  readonly name: string;
  /** The value of Proxy-Authorization: a secret. */
  readonly authorization: string | undefined;
  /** The variable or setting that names it. */
  readonly from: string;
}

export interface UpstreamSettings {
  /** The setting of the configuration: an address, `none`, or empty for the variables. */
  readonly proxy: string;
  readonly noProxy: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const SETTING = "the setting proxy of plinth.egress";
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Through which proxy an address is reached: the variables' usual rules, unless the configuration says one. */
export class Upstreams {
  readonly #settings: UpstreamSettings;
  readonly #exempt: Exemptions;
  readonly #known = new Map<string, Upstream>();

  constructor(settings: UpstreamSettings) {
    this.#settings = settings;
    this.#exempt = new Exemptions([...settings.noProxy, this.#variable("NO_PROXY")?.value ?? ""]);
  }

  /** undefined: directly. This machine is never reached through a proxy: to it, it would be another machine. @throws PLINTH_PROXY */
  for(url: URL): Upstream | undefined {
    const target = targetOf(url);
    if (isThisMachine(target.host) || this.#exempt.covers(target)) return undefined;
    return this.of(target.scheme === "https" || target.scheme === "wss" ? "https" : "http");
  }

  /** For what is asked for by one scheme, whatever its host. @throws PLINTH_PROXY */
  of(scheme: "http" | "https"): Upstream | undefined {
    const { proxy } = this.#settings;
    if (proxy === "none") return undefined;
    const said = proxy === "" ? (this.#variable(`${scheme.toUpperCase()}_PROXY`) ?? this.#variable("ALL_PROXY")) : { value: proxy, name: SETTING };
    if (said === undefined) return undefined;
    const key = `${said.name} ${said.value}`;
    const known = this.#known.get(key) ?? parsed(said.value, said.name);
    this.#known.set(key, known);
    return known;
  }

  /** The small letters win, as in curl. What is set to nothing counts as not set. */
  #variable(name: string): { name: string; value: string } | undefined {
    for (const one of [name.toLowerCase(), name]) {
      const value = this.#settings.env[one]?.trim() ?? "";
      if (value !== "") return { name: one, value };
    }
    return undefined;
  }
}

function parsed(value: string, from: string): Upstream {
  const url = URL.parse(SCHEME.test(value) ? value : `http://${value}`);
  const secure = url?.protocol === "https:";
  if (url === null || url.hostname === "" || !(secure || url.protocol === "http:")) {
    // The value may hold a password: it is not shown.
    const kind = url === null ? "it is no address" : `${url.protocol} is not spoken`;
    throw new PlinthError("PLINTH_PROXY", `The proxy of ${from} cannot be used: ${kind}.`, {
      extension: "plinth.egress",
      next: `Give ${from} an address such as http://proxy.example:3128, or set the proxy of plinth.egress to none.`,
    });
  }
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  const credentials = url.username === "" && url.password === "" ? undefined : `${decoded(url.username)}:${decoded(url.password)}`;
  return {
    secure,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    name: `${url.protocol}//${url.hostname}:${port}`,
    authorization: credentials && `Basic ${Buffer.from(credentials).toString("base64")}`,
    from,
  };
}

/** A lone % stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
