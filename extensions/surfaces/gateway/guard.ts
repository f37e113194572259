/** Who may speak to this port by name: stops DNS rebinding (Host) and foreign pages (Origin). */
export class Guard {
  readonly #names: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  /** @param bound the address listened on; a wildcard adds no name. */
  constructor(bound: string, names: readonly string[], origins: readonly string[]) {
    const all = new Set(names.map((name) => name.toLowerCase()));
    if (bound !== "0.0.0.0" && bound !== "::") all.add(bound.toLowerCase());
    this.#names = all;
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  }

  host(header: string | undefined): boolean {
    const name = hostName(header);
    return name !== undefined && (isLoopback(name) || this.#names.has(name));
  }

  /** Whether the operator named this origin. */
  configured(origin: string): boolean {
    return this.#origins.has(origin.toLowerCase());
  }

  /** No Origin means no browser page. A page's own origin must be the host it talks to, or a configured one. */
  origin(header: string | undefined, host: string | undefined): boolean {
    if (header === undefined) return true;
    const origin = header.toLowerCase();
    if (this.#origins.has(origin)) return true;
    const match = /^https?:\/\/([^/]+)$/.exec(origin);
    return match !== null && host !== undefined && match[1] === host.toLowerCase();
  }
}

export function isLoopback(name: string): boolean {
  return name === "localhost" || name === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** The name in a Host header, without port and brackets; undefined when it is not one. */
function hostName(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 260) return undefined;
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
