import { BlockList, isIP } from "node:net";
import { hostMatches, type Target } from "@plinth/sdk";

// One list a family: a BlockList sees an IPv4 address as IPv4-mapped IPv6, so that ::/3 in a shared list would hold all of IPv4.

/** Special-purpose ranges of RFC 6890 and a platform address of a cloud that lies in a public range. */
const nonPublic4 = listOf("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]);
/** Of IPv6 only 2000::/3 is public, and not all of it: Teredo, 6to4 and documentation are not. */
const nonPublic6 = listOf("ipv6", [
  ["::", 3],
  ["4000::", 2],
  ["8000::", 1],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]);
const loopback4 = listOf("ipv4", [["127.0.0.0", 8]]);
const loopback6 = listOf("ipv6", [
  ["::1", 128],
  ["::ffff:127.0.0.0", 104],
]);

/** Whether the granted patterns admit a target by name. */
export const hostAllowed = (granted: readonly string[], target: Target): boolean =>
  granted.some((pattern) => pattern === "*" || (pattern === "loopback" ? isLocal(target.host) : hostMatches(pattern, target)));

/** Whether an address may be connected to: public, or loopback when that was granted by name. */
export function addressAllowed(granted: readonly string[], target: Target, address: string): boolean {
  // A literal address is reachable whatever it is when a grant names exactly that address, and this port.
  if (isIP(target.host) > 0 && granted.some((pattern) => hostMatches(pattern, target))) return true;
  if (isLoopback(address)) return granted.includes("loopback");
  return target.host !== "localhost" && isPublic(address);
}

const isLocal = (host: string): boolean => host === "localhost" || isLoopback(host);

/** Whether a name or a literal address means this machine by whatever it is called: RFC 6761 keeps all below `localhost` for it. */
export const isThisMachine = (host: string): boolean => /(^|\.)localhost\.?$/.test(host) || isLoopback(host) || host === "0.0.0.0" || host === "::";

/** A scoped address (`fe80::1%eth0`) is never public; what is no address is not either. */
const isPublic = (address: string): boolean =>
  isIP(address) === 4 ? !nonPublic4.check(address, "ipv4") : isIP(address) === 6 && !address.includes("%") && !nonPublic6.check(address, "ipv6");

const isLoopback = (address: string): boolean =>
  isIP(address) === 4 ? loopback4.check(address, "ipv4") : isIP(address) === 6 && loopback6.check(address, "ipv6");

function listOf(family: "ipv4" | "ipv6", subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [net, bits] of subnets) list.addSubnet(net, bits, family);
  return list;
}
