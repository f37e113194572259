import { BlockList, isIP } from "node:net";
import type { Target } from "@plinth/sdk";

type Rule = (target: Target) => boolean;

/**
 * What NO_PROXY names, as curl and Go read it. There is no standard: entries stand between commas or spaces, and each is `*`,
 * a name (it and what is below it, with or without a leading dot), `*.name` (only what is below it), an address or a range
 * such as `10.0.0.0/8`; each may end in a port. Names are never looked up for it, so that a range holds for literal addresses only.
 */
export class Exemptions {
  readonly #rules: readonly Rule[];

  constructor(texts: readonly string[]) {
    this.#rules = texts.flatMap((text) => text.split(/[\s,]+/)).flatMap((entry) => ruleOf(entry.toLowerCase()) ?? []);
  }

  covers(target: Target): boolean {
    return this.#rules.some((rule) => rule(target));
  }
}

/** undefined for what nobody can be meant by. */
function ruleOf(entry: string): Rule | undefined {
  if (entry === "") return undefined;
  if (entry === "*") return () => true;
  const [, name = "", port] = /^(\[[^\]]*\]|[^:]*|[0-9a-f:.]+(?:\/\d+)?)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const matches = matcherOf(name.replace(/^\[|\]$/g, ""));
  return matches && ((target) => (port === undefined || Number(port) === target.port) && matches(target.host));
}

function matcherOf(name: string): ((host: string) => boolean) | undefined {
  const [address = "", bits] = name.split("/");
  const family = isIP(address);
  if (family === 0) return bits === undefined ? nameMatcher(name) : undefined;
  const width = family === 4 ? 32 : 128;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= width)) return undefined;
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(address, Number(bits ?? width), kind);
  // A list sees IPv4 as mapped IPv6: an address is asked for in its own family only.
  return (host) => isIP(host) === family && list.check(host, kind);
}

function nameMatcher(name: string): ((host: string) => boolean) | undefined {
  const below = name.replace(/^\*?\.?/, ".").replace(/\.$/, "");
  if (below.length < 2 || below.includes("*")) return undefined;
  const itself = name.startsWith("*") ? undefined : below.slice(1);
  return (host) => isIP(host) === 0 && (bare(host) === itself || bare(host).endsWith(below));
}

/** A name may end in the dot of the root. */
const bare = (host: string): string => host.replace(/\.$/, "");
