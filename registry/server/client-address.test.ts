import type { IncomingMessage } from "node:http";
import { expect, it } from "vitest";
import { clientAddress } from "./client-address.ts";

const PROXY = "10.0.0.1";
const seen = (forwarded: string | undefined, proxies = 1, direct = PROXY): string =>
  clientAddress(
    { socket: { remoteAddress: direct }, headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded } } as unknown as IncomingMessage,
    proxies,
  );

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["192.0.2.7:443", "192.0.2.7"],
  ["192.0.2.7:51234", "192.0.2.7"],
  ["198.51.100.1, 192.0.2.7:51234", "192.0.2.7"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:0DB8:0000:0000:ffff::1", "2001:db8:0:0::/64"],
  ["[2001:db8::1]", "2001:db8:0:0::/64"],
  ["[2001:db8::1]:51234", "2001:db8:0:0::/64"],
  ['"[2001:db8::1]:51234"', "2001:db8:0:0::/64"],
  ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::FFFF:c000:207", "192.0.2.7"],
  ["[::ffff:192.0.2.7]:80", "192.0.2.7"],
])("a client that a proxy tells of as %s is counted as %s, whatever its port and spelling", (forwarded, network) => {
  expect(seen(forwarded)).toBe(network);
});

it.each([undefined, "", "unknown", "_hidden", "192.0.2.7:99:1", "999.1.1.1", "[192.0.2.7", "fe80::1%eth0%x", "a.example", "1".repeat(5_000)])(
  "one that a proxy tells of as %j is counted for the proxy",
  (forwarded) => {
    expect(seen(forwarded)).toBe(PROXY);
  },
);

it("what a client says of itself counts for nothing", () => {
  expect(seen("192.0.2.7", 0)).toBe(PROXY);
  expect(seen("203.0.113.9, 192.0.2.7", 1)).toBe("192.0.2.7");
  expect(seen("203.0.113.9, 192.0.2.7, 10.0.0.2", 2)).toBe("192.0.2.7");
  expect(seen(undefined, 0, "::ffff:127.0.0.1")).toBe("127.0.0.1");
});
