import { describe, expect, it } from "vitest";
import { addressAllowed, hostAllowed } from "./policy.ts";

describe("a granted pattern", () => {
  it.each<[string[], string, number, boolean]>([
    [["api.example.com"], "api.example.com", 443, true],
    [["api.example.com"], "api.example.com", 80, true],
    [["api.example.com"], "api.example.com", 8443, false],
    [["API.Example.com"], "api.example.com", 443, true],
    [["api.example.com"], "example.com", 443, false],
    [["api.example.com"], "api.example.com.evil.test", 443, false],
    [["api.example.com"], "evil-api.example.com", 443, false],
    [["api.example.com:8443"], "api.example.com", 8443, true],
    [["api.example.com:8443"], "api.example.com", 443, false],
    [["*.example.com"], "a.example.com", 443, true],
    [["*.example.com"], "a.b.example.com", 443, true],
    [["*.example.com"], "example.com", 443, false],
    [["*.example.com"], "badexample.com", 443, false],
    [["*.example.com"], "a.example.com", 8443, false],
    [["*.example.com:8443"], "a.example.com", 8443, true],
    [["*.0.0.1"], "127.0.0.1", 443, false],
    [["*"], "anything.test", 1234, true],
    [["loopback"], "localhost", 1234, true],
    [["loopback"], "127.0.0.1", 1234, true],
    [["loopback"], "127.3.2.1", 1234, true],
    [["loopback"], "::1", 1234, true],
    [["loopback"], "::ffff:7f00:1", 1234, true],
    [["loopback"], "localhost.evil.test", 443, false],
    [["loopback"], "10.0.0.1", 443, false],
    [["127.0.0.1:8080"], "127.0.0.1", 8080, true],
    [["127.0.0.1:8080"], "127.0.0.1", 8081, false],
    [["a.test", "b.test"], "b.test", 443, true],
    [[], "a.test", 443, false],
  ])("%j and %s:%i: %s", (granted, host, port, allowed) => {
    expect(hostAllowed(granted, host, port)).toBe(allowed);
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

  it("a literal private address is reachable when the grant names exactly it, and a name that leads there is not", () => {
    expect(addressAllowed(["10.0.0.5:8080"], "10.0.0.5", "10.0.0.5")).toBe(true);
    expect(addressAllowed(["10.0.0.5:8080"], "10.0.0.6", "10.0.0.6")).toBe(false);
    expect(addressAllowed(["10.0.0.5:8080", "api.example.com"], "api.example.com", "10.0.0.5")).toBe(false);
  });
});
