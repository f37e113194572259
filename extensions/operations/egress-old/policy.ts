import { BlockList, isIP } from "node:net";

/** Addresses that are not the public network: special-purpose ranges of RFC 6890 and their IPv6 kin. */
const nonPublic = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  nonPublic.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::", 128],
  ["::1", 128],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  nonPublic.addSubnet(net, bits, "ipv6");
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const family = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

/** Whether the granted patterns admit a host and port by name. */
export function hostAllowed(granted: readonly string[], host: string, port: number): boolean {
  return granted.some((pattern) => {
    if (pattern === "*") return true;
    if (pattern === "loopback") return host === "localhost" || (isIP(host) > 0 && loopback.check(host, family(host)));
    const [name = "", wanted] = pattern.toLowerCase().split(":");
    if (wanted === undefined ? port !== 443 && port !== 80 : Number(wanted) !== port) return false;
    return name.startsWith("*.") ? host.endsWith(name.slice(1)) : host === name;
  });
}

/** Whether an address may be connected to: public, or loopback when that was granted by name. */
export function addressAllowed(granted: readonly string[], host: string, address: string): boolean {
  if (!nonPublic.check(address, family(address))) return true;
  if (loopback.check(address, family(address)) && granted.includes("loopback")) return true;
  // A literal private address is reachable only when the grant names exactly that address.
  return isIP(host) > 0 && granted.some((pattern) => pattern.split(":")[0] === host);
}
