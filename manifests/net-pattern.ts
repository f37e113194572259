/** Where a request wants to go: host in lower case and without brackets. */
export interface Target {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, ws: 80, https: 443, wss: 443 };

export function targetOf({ protocol, hostname, port }: URL): Target {
  const scheme = protocol.slice(0, -1);
  return { scheme, host: hostname.replace(/^\[|\]$/g, "").toLowerCase(), port: port === "" ? (DEFAULT_PORTS[scheme] ?? 0) : Number(port) };
}

const PATTERN = /^(?:(?<scheme>https?|wss?):\/\/)?(?<name>\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9.-]+)(?::(?<port>[0-9]{1,5}))?$/;
/** A literal IPv4 or IPv6 address, as `Target.host` has it. */
const ADDRESS = /^\d{1,3}(\.\d{1,3}){3}$|:/;

/**
 * Whether one pattern of `permissions.net` names a target: `host`, `*.host`, each with or without scheme and port. Without a port: the
 * scheme's own, or 80 and 443. `*` and `loopback` are no names: whoever grants them says what they mean.
 */
export function hostMatches(pattern: string, { scheme, host, port }: Target): boolean {
  const parts = PATTERN.exec(pattern.toLowerCase())?.groups;
  if (parts?.name === undefined) return false;
  if (parts.scheme !== undefined && parts.scheme !== scheme) return false;
  const ports = parts.port !== undefined ? [Number(parts.port)] : parts.scheme !== undefined ? [DEFAULT_PORTS[parts.scheme]] : [80, 443];
  if (!ports.includes(port)) return false;
  const name = parts.name.replace(/^\[|\]$/g, "");
  return name.startsWith("*.") ? !ADDRESS.test(host) && host.endsWith(name.slice(1)) : host === name;
}

/** Whether a name or an IPv4 or IPv6 address is this machine's own. */
export const isLoopbackHost = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/.test(host);
