import { type Manifest, PlinthError } from "@plinth/sdk";

/**
 * A third party's vendor is data, and what it was granted holds all the same: its own secrets go to its own hosts.
 *
 * @throws PLINTH_PERMISSION where it would be otherwise.
 */
export function permitted(granted: Manifest["permissions"], extension: string, secret: string | undefined, address: string): void {
  const url = new URL(address);
  const refused = (what: string): PlinthError =>
    new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}: it was not granted.`, {
      extension,
      next: `plinth plugins inspect ${extension}`,
    });
  if (secret !== undefined && granted?.secrets?.includes(secret) !== true) throw refused(`use the secret ${secret}`);
  if (granted?.net?.some((pattern) => matches(pattern, url)) !== true) throw refused(`be reached at ${url.host}`);
}

/** `host` or `*.host`, with or without scheme and port, `loopback`, `*`: as `permissions.net` has them. */
function matches(pattern: string, url: URL): boolean {
  const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);
  if (pattern === "loopback") return loopback;
  if (pattern === "*") return !loopback;
  const [, scheme, host = "", port] = /^(?:(\w+):\/\/)?(.*?)(?::(\d+))?$/.exec(pattern.toLowerCase()) ?? [];
  if (scheme !== undefined && `${scheme}:` !== url.protocol) return false;
  const usual = url.protocol === "https:" ? "443" : "80";
  if ((url.port || usual) !== (port ?? usual)) return false;
  return host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : url.hostname === host;
}
