import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * Whom a request is counted for: an IPv4 address, or the /64 of an IPv6 one, because a single customer commonly has a whole
 * /64. `proxies` is how many reverse proxies of one's own stand before the service; what a client writes itself into
 * X-Forwarded-For is before what they append, and is not believed. Proxies append an address, some with a port. Anything
 * else is counted for the proxy.
 */
export function clientAddress(request: IncomingMessage, proxies: number): string {
  const direct = request.socket.remoteAddress ?? "unknown";
  if (proxies === 0) return networkOf(direct);
  const told = String(request.headers["x-forwarded-for"] ?? "").split(",");
  return networkOf(addressIn(told.at(-proxies)?.trim() ?? "") ?? direct);
}

/** `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` and `[2001:db8::1]:443` name an address; its port changes nothing. */
function addressIn(text: string): string | undefined {
  const [, bracketed, plain] = /^(?:"?\[([0-9A-Fa-f:.]{2,45})\](?::\d{1,5})?"?|"?((?:\d{1,3}\.){3}\d{1,3})(?::\d{1,5})?"?)$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  return isIP(address) === 0 ? undefined : address;
}

/** One spelling for each network, whatever the proxy's is. */
function networkOf(address: string): string {
  const [plain = ""] = address.split("%");
  if (isIP(plain) !== 6) return plain;
  const parts = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split("::");
  const [left = [], right = []] = parts.map((part) => part.split(":").filter(Boolean));
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => "0"), ...right];
  // An IPv4 address in IPv6's clothes.
  if (all.slice(0, 5).every((part) => part === "0") && all[5] === "ffff") {
    return all
      .slice(6)
      .flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255])
      .join(".");
  }
  return `${all.slice(0, 4).join(":")}::/64`;
}
