import { hostMatches, isLoopbackHost, type Manifest, PlinthError, targetOf } from "../../extension/index.ts";

/**
 * A third party's vendor is data, and what it was granted holds all the same: its own secrets go to its own hosts.
 *
 * @throws PLINTH_PERMISSION where it would be otherwise.
 */
export function permitted(granted: Manifest["permissions"], extension: string, secret: string | undefined, address: string): void {
  const url = URL.parse(address);
  const local = isLoopbackHost(url?.hostname ?? "");
  const refused = (what: string): PlinthError =>
    new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}: it was not granted.`, {
      extension,
      next: `plinth plugins inspect ${extension}`,
    });
  if (secret !== undefined && granted?.secrets?.includes(secret) !== true) throw refused(`use the secret ${secret}`);
  if (url === null) throw refused("be reached at what is no address");
  if (granted?.net?.some((pattern) => (pattern === "*" ? !local : pattern === "loopback" ? local : hostMatches(pattern, targetOf(url)))) !== true)
    throw refused(`be reached at ${url.host}`);
}
