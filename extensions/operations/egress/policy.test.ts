import { Permissions } from "@plinth/manifests";
import { type Target, targetOf } from "@plinth/sdk";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressAllowed as allowed, hostAllowed } from "./policy.ts";

const to = (url: string): Target => targetOf(new URL(url));

describe("a granted pattern", () => {
  it.each<[string[], string, boolean]>([
    [["api.example.com"], "https://api.example.com", true],
    [["api.example.com"], "http://api.example.com", true],
    [["api.example.com"], "wss://api.example.com", true],
    [["api.example.com"], "https://api.example.com:8443", false],
    [["API.Example.com"], "https://api.EXAMPLE.com", true],
    [["api.example.com"], "https://example.com", false],
    [["api.example.com"], "https://api.example.com.", false],
    [["api.example.com"], "https://api.example.com.evil.test", false],
    [["api.example.com"], "https://evil-api.example.com", false],
    [["api.example.com:8443"], "https://api.example.com:8443", true],
    [["api.example.com:8443"], "ws://api.example.com:8443", true],
    [["api.example.com:8443"], "https://api.example.com", false],
    [["https://api.example.com"], "https://api.example.com", true],
    [["https://api.example.com"], "http://api.example.com", false],
    [["https://api.example.com"], "wss://api.example.com", false],
    [["https://api.example.com"], "https://api.example.com:80", false],
    [["http://api.example.com"], "https://api.example.com:80", false],
    [["wss://api.example.com:8443"], "wss://api.example.com:8443", true],
    [["wss://api.example.com:8443"], "https://api.example.com:8443", false],
    [["https://*.example.com"], "https://a.example.com", true],
    [["https://*.example.com"], "http://a.example.com", false],
    [["*.example.com"], "https://a.example.com", true],
    [["*.example.com"], "https://a.b.example.com", true],
    [["*.example.com"], "https://example.com", false],
    [["*.example.com"], "https://badexample.com", false],
    [["*.example.com"], "https://a.example.com:8443", false],
    [["*.example.com:8443"], "https://a.example.com:8443", true],
    [["*.0.0.1"], "https://127.0.0.1", false],
    [["*"], "http://anything.test:1234", true],
    [["loopback"], "http://localhost:1234", true],
    [["loopback"], "ws://127.0.0.1:1234", true],
    [["loopback"], "http://127.3.2.1:1234", true],
    [["loopback"], "http://[::1]:1234", true],
    [["loopback"], "http://[::ffff:7f00:1]:1234", true],
    [["loopback"], "https://localhost.evil.test", false],
    [["loopback"], "https://10.0.0.1", false],
    [["127.0.0.1:8080"], "http://127.0.0.1:8080", true],
    [["127.0.0.1:8080"], "http://127.0.0.1:8081", false],
    [["[fd00::5]:8080"], "http://[fd00::5]:8080", true],
    [["[fd00::5]:8080"], "http://[fd00::6]:8080", false],
    [["a.test", "b.test"], "https://b.test", true],
    [["a.test/path", "a.test:x", "ftp://a.test", "a..*", ""], "https://a.test", false],
    [[], "https://a.test", false],
  ])("%j and %s: %s", (granted, url, allowed) => {
    expect(hostAllowed(granted, to(url))).toBe(allowed);
  });

  const declarable = new RegExp((Permissions.properties.net.items as unknown as { pattern: string }).pattern);

  it("that a manifest may declare admits what it names", () => {
    fc.assert(
      fc.property(fc.stringMatching(declarable), (pattern) => {
        const [, scheme = "https", name = "", port] = /^(?:(\w+):\/\/)?(.*?)(?::(\d+))?$/.exec(pattern) ?? [];
        const host =
          name === "loopback"
            ? "localhost"
            : name
                .toLowerCase()
                .replace(/^\[|\]$/g, "")
                .replace(/^\*/, "a");
        const standard = scheme === "https" || scheme === "wss" ? 443 : 80;
        expect(hostAllowed([pattern], { scheme, host, port: port === undefined ? standard : Number(port) })).toBe(true);
      }),
    );
  });

  // Names that are no addresses: those have rules of their own.
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const name = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => `${labels.join(".")}.test`);
  const scheme = fc.constantFrom("http", "https", "ws", "wss");
  const port = fc.integer({ min: 1, max: 65_535 });

  it("with scheme, name and port admits exactly that target and no other", () => {
    fc.assert(
      fc.property(fc.tuple(scheme, name, port), fc.tuple(scheme, name, port), fc.boolean(), (one, other, same) => {
        const target = { scheme: same ? one[0] : other[0], host: same ? one[1] : other[1], port: other[2] };
        const expected = target.scheme === one[0] && target.host === one[1] && target.port === one[2];
        expect(hostAllowed([`${one[0]}://${one[1]}:${one[2]}`], target)).toBe(expected);
        expect(hostAllowed([`${one[0]}://${one[1]}:${one[2]}`], { scheme: one[0], host: one[1], port: one[2] })).toBe(true);
      }),
    );
  });

  it("with a wildcard admits what ends with a dot and its name, and never the name itself", () => {
    fc.assert(
      fc.property(name, name, (base, host) => {
        const admits = (one: string): boolean => hostAllowed([`*.${base}`], { scheme: "https", host: one, port: 443 });
        expect(admits(`${host}.${base}`)).toBe(true);
        expect(admits(`${host}${base}`)).toBe(`${host}${base}`.endsWith(`.${base}`));
        expect(admits(base)).toBe(false);
      }),
    );
  });

  it("added to others never takes a target away", () => {
    const pattern = fc.oneof(
      name,
      fc.constantFrom("*", "loopback"),
      fc.tuple(scheme, name, port).map(([s, n, p]) => `${s}://${n}:${p}`),
    );
    fc.assert(
      fc.property(fc.array(pattern), pattern, scheme, name, port, (patterns, more, one, host, number) => {
        const target = { scheme: one, host, port: number };
        if (hostAllowed(patterns, target)) expect(hostAllowed([...patterns, more], target)).toBe(true);
      }),
    );
  });
});

const PUBLIC = [
  "8.8.8.8",
  "1.1.1.1",
  "93.184.215.14",
  "172.15.0.1",
  "172.32.0.1",
  "192.169.0.1",
  "100.63.0.1",
  "2606:4700::1111",
  "2a00:1450:4001::1",
];
const LOOPBACK = ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"];
const NON_PUBLIC = [
  ...["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200"],
  ...["169.254.0.1", "169.254.169.254", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"],
  ...["224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"],
  ...["::", "::7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"],
  ...["100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"],
  ...["fec0::1", "ff02::1", "2606:4700::1%eth0", "not an address", ""],
];

const addressAllowed = (granted: string[], host: string, address: string, port = 443): boolean =>
  allowed(granted, { scheme: "https", host, port }, address);

describe("an address", () => {
  it.each(PUBLIC)("%s is public: a granted name may lead there", (address) => {
    expect(addressAllowed(["api.example.com"], "api.example.com", address)).toBe(true);
    expect(addressAllowed(["*"], "anything.test", address)).toBe(true);
  });

  it.each([...NON_PUBLIC, ...LOOPBACK])("%s is not public: no granted name leads there, nor does *", (address) => {
    expect(addressAllowed(["api.example.com"], "api.example.com", address)).toBe(false);
    expect(addressAllowed(["*"], address, address)).toBe(false);
  });

  it.each(LOOPBACK)("%s is this machine: `loopback` leads there", (address) => {
    expect(addressAllowed(["loopback"], "localhost", address)).toBe(true);
    expect(addressAllowed(["loopback"], address, address)).toBe(true);
  });

  it.each(NON_PUBLIC)("%s is not this machine: `loopback` does not lead there", (address) => {
    expect(addressAllowed(["loopback", "*"], "localhost", address)).toBe(false);
  });

  it("localhost is this machine and nothing else, whatever the resolver says", () => {
    expect(addressAllowed(["loopback"], "localhost", "93.184.215.14")).toBe(false);
  });

  it("a literal private address is reachable when the grant names exactly it and the port, and a name that leads there is not", () => {
    expect(addressAllowed(["10.0.0.5:8080"], "10.0.0.5", "10.0.0.5", 8080)).toBe(true);
    expect(addressAllowed(["10.0.0.5:8080", "*"], "10.0.0.5", "10.0.0.5", 9090)).toBe(false);
    expect(addressAllowed(["http://10.0.0.5:8080", "*"], "10.0.0.5", "10.0.0.5", 8080)).toBe(false);
    expect(addressAllowed(["[fd00::5]:8080"], "fd00::5", "fd00::5", 8080)).toBe(true);
    expect(addressAllowed(["10.0.0.5:8080"], "10.0.0.6", "10.0.0.6", 8080)).toBe(false);
    expect(addressAllowed(["10.0.0.5:8080", "api.example.com"], "api.example.com", "10.0.0.5")).toBe(false);
  });
});
