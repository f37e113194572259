import { describe, expect, it } from "vitest";
import { RouteTable } from "./routes.ts";
import { Tally } from "./tally.ts";

describe("the routing table", () => {
  const table = (routes: [id: string, method: string, path: string, extension?: string][]) =>
    new RouteTable(
      routes.map(([id, method, path, extension = "a.b"]) => ({
        id,
        extension,
        version: "1.0.0",
        trusted: true,
        descriptor: { methods: [method as "GET"], path, summary: "" },
      })),
      () => ({}) as never,
      (extension) => extension === "plinth.page",
    );
  const find = (routes: RouteTable, method: string, path: string) => {
    const found = routes.match(method, path);
    return Array.isArray(found) ? found : found.route.id;
  };

  it("prefers an exact path, then the longest prefix", () => {
    const routes = table([
      ["all", "GET", "/*"],
      ["deep", "GET", "/a/b/*"],
      ["short", "GET", "/a/*"],
      ["exact", "GET", "/a/b/c"],
    ]);
    expect(find(routes, "GET", "/a/b/c")).toBe("exact");
    expect(find(routes, "HEAD", "/a/b/d")).toBe("deep");
    expect(find(routes, "GET", "/a/x")).toBe("short");
    expect(find(routes, "GET", "/a")).toBe("all");
    expect(find(routes, "GET", "/")).toBe("all");
    expect(find(routes, "POST", "/a/b/c")).toEqual(["GET", "HEAD"]);
  });

  it("looks for the method on shorter prefixes too", () => {
    const routes = table([
      ["get", "GET", "/x/y"],
      ["post", "POST", "/x/*"],
    ]);
    expect(find(routes, "POST", "/x/y")).toBe("post");
  });

  it("lets nobody stand in front of a trusted page", () => {
    const routes = table([
      ["page", "GET", "/assets/*", "plinth.page"],
      ["evil", "GET", "/assets/main.js", "evil.one"],
    ]);
    expect(find(routes, "GET", "/assets/main.js")).toBe("page");
  });

  it("does not depend on the order of its input", () => {
    const routes: [string, string, string][] = [
      ["b", "GET", "/same"],
      ["a", "GET", "/same"],
    ];
    expect(find(table(routes), "GET", "/same")).toBe("a");
    expect(find(table(routes.reverse()), "GET", "/same")).toBe("a");
  });
});

describe("the count of wrong tokens", () => {
  it("is kept for each address, a minute long", () => {
    let now = 0;
    const attempts = new Tally(2, () => now);
    expect([attempts.count("10.0.0.1"), attempts.count("::ffff:10.0.0.1"), attempts.count("10.0.0.1")]).toEqual([0, 0, 60]);
    expect(attempts.count("10.0.0.2")).toBe(0);
    now = 60_000;
    expect(attempts.count("10.0.0.1")).toBe(0);
  });

  it("counts a /64 of IPv6 as one address", () => {
    const attempts = new Tally(1, () => 0);
    attempts.count("2001:db8::1");
    expect(attempts.count("2001:db8:0:0:ffff::2")).toBeGreaterThan(0);
    expect(attempts.count("2001:db8:0:1::1")).toBe(0);
  });

  it("stays bounded", () => {
    const attempts = new Tally(1, () => 0, 100);
    for (let n = 0; n < 10_000; n += 1) attempts.count(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
    expect(attempts.size).toBe(100);
  });
});
