import type { IncomingMessage } from "node:http";

/**
 * Whom a request is counted for: an IPv4 address, or the /64 of an IPv6 one, because a single customer commonly has a whole
 * /64. `proxies` is how many reverse proxies of one's own stand before the service; what a client writes itself into
 * X-Forwarded-For is before what they append, and is not believed.
 */
export function clientAddress(request: IncomingMessage, proxies: number): string {
  const direct = request.socket.remoteAddress ?? "unknown";
  if (proxies === 0) return networkOf(direct);
  const told = String(request.headers["x-forwarded-for"] ?? "").split(",");
  const address = told.at(-proxies)?.trim() ?? "";
  return networkOf(/^[0-9A-Fa-f.:]{2,45}$/.test(address) ? address : direct);
}

function networkOf(address: string): string {
  const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
  if (!plain.includes(":")) return plain;
  const [head = "", tail = ""] = plain.split("%")[0]!.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
