import { targetOf } from "@plinth/sdk";
import { expect, it } from "vitest";
import { Exemptions } from "./exemptions.ts";
import { Upstreams } from "./upstream.ts";

const covers = (text: string, url: string): boolean => new Exemptions([text]).covers(targetOf(new URL(url)));

it.each([
  ["*", "https://anything.example"],
  ["example.com", "https://example.com"],
  ["example.com", "https://a.b.example.com:8443"],
  ["EXAMPLE.com", "https://Example.COM./"],
  [".example.com", "https://example.com"],
  [".example.com", "https://a.example.com"],
  ["*.example.com", "https://a.example.com"],
  ["other.test, example.com", "https://example.com"],
  ["other.test example.com", "https://example.com"],
  ["example.com:8443", "https://example.com:8443"],
  ["example.com:443", "wss://example.com"],
  ["10.1.2.3", "http://10.1.2.3:81"],
  ["10.1.2.3:81", "http://10.1.2.3:81"],
  ["10.0.0.0/8", "http://10.255.0.1"],
  ["10.0.0.0/8:80", "http://10.255.0.1"],
  ["0.0.0.0/0", "http://9.9.9.9"],
  ["fd00::/8", "http://[fd12::1]"],
  ["fd00::1", "http://[fd00::1]:99"],
  ["[fd00::1]:99", "http://[fd00::1]:99"],
])("NO_PROXY=%s exempts %s", (text, url) => expect(covers(text, url)).toBe(true));

it.each([
  ["", "https://example.com"],
  [",, ", "https://example.com"],
  ["example.com", "https://notexample.com"],
  ["example.com", "https://example.com.evil.test"],
  ["*.example.com", "https://example.com"],
  ["example.com:8443", "https://example.com"],
  ["10.0.0.0/8", "http://11.0.0.1"],
  ["10.0.0.0/33", "http://10.0.0.1"],
  ["10.0.0.0/8", "http://10.example.com"],
  ["0.0.0.0/0", "http://[2606::1]"],
  ["::/0", "http://9.9.9.9"],
  ["example.com/8", "https://example.com"],
  ["*example*", "https://example.com"],
  ["1.com", "http://10.0.0.1"],
  [".", "https://example.com"],
])("NO_PROXY=%s does not exempt %s", (text, url) => expect(covers(text, url)).toBe(false));

const through = (env: Record<string, string>, url: string, proxy = ""): string | undefined =>
  new Upstreams({ proxy, noProxy: [], env }).for(new URL(url))?.name;

it("variables count by scheme, small letters first, and what is set to nothing is not set", () => {
  const env = { HTTP_PROXY: "http://a.test:1", HTTPS_PROXY: "https://b.test", ALL_PROXY: "c.test:3" };
  const names = (more: Record<string, string> = {}) =>
    ["http", "https", "ws", "wss"].map((scheme) => through({ ...env, ...more }, `${scheme}://x.test`));
  expect(names()).toEqual(["http://a.test:1", "https://b.test:443", "http://a.test:1", "https://b.test:443"]);
  expect(names({ HTTP_PROXY: "", https_proxy: "http://d.test" })).toEqual([
    "http://c.test:3",
    "http://d.test:80",
    "http://c.test:3",
    "http://d.test:80",
  ]);
  expect(names({ all_proxy: "e.test", HTTPS_PROXY: " " })[1]).toBe("http://e.test:80");
  expect(through({ ...env, no_proxy: "x.test", NO_PROXY: "" }, "http://x.test")).toBeUndefined();
  expect(through({}, "http://x.test")).toBeUndefined();
});

it("the setting counts for every scheme, and `none` switches the variables off", () => {
  const env = { ALL_PROXY: "c.test:3", NO_PROXY: "direct.test" };
  expect(["http://x.test", "wss://x.test"].map((url) => through(env, url, "http://s.test:8"))).toEqual(["http://s.test:8", "http://s.test:8"]);
  expect(through(env, "http://direct.test", "http://s.test:8")).toBeUndefined();
  expect(through(env, "http://x.test", "none")).toBeUndefined();
});

it.each([
  "http://localhost:1",
  "http://a.localhost",
  "http://localhost.",
  "http://127.9.9.9",
  "http://[::1]",
  "http://[::ffff:127.0.0.1]",
  "http://0.0.0.0",
  "http://[::]",
])("%s is this machine and never goes through a proxy", (url) => expect(through({ ALL_PROXY: "c.test:3" }, url)).toBeUndefined());

it.each([
  ["socks5://ann:secret@p.test:1080", /socks5: is not spoken/],
  ["http://", /no address/],
  ["http://ann:secret@p.test:99999", /no address/],
])("a proxy that cannot be used is said, without what stands in it: %s", (value, why) => {
  const attempt = () => through({ ALL_PROXY: value }, "https://x.test");
  expect(attempt).toThrow(why);
  expect(attempt).toThrow(expect.objectContaining({ code: "PLINTH_PROXY", next: expect.stringContaining("ALL_PROXY") }));
  expect(attempt).not.toThrow(/secret/);
});

it("a user and a password are taken as they are meant, in no name", () => {
  const upstream = new Upstreams({ proxy: "", noProxy: [], env: { HTTPS_PROXY: "http://a%40b:100%@p.test:1" } }).of("https");
  expect(upstream).toMatchObject({ name: "http://p.test:1", authorization: `Basic ${btoa("a@b:100%")}` });
});
