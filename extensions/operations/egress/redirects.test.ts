import type { RequestListener } from "node:http";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cleanUp, openHost, read, serve } from "./lab.testing.ts";

let host: TestHost;
beforeEach(async () => {
  host = await openHost();
});
afterEach(cleanUp);

const to =
  (location: string, status = 302): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { location }).end();
const hello: RequestListener = (_request, response) => void response.end("hello");

describe("a redirect", () => {
  it("to a granted host is followed, also when its address is relative", async () => {
    const site = await serve((request, response) => (request.url === "/a" ? to("b?x=1")(request, response) : hello(request, response)));
    expect(await read(host, ["loopback"], `${site.url}/a`)).toMatchObject({ status: 200, body: "hello" });
    expect(site.seen.map(({ url }) => url)).toEqual(["/a", "/b?x=1"]);
  });

  it("to a host that is not granted is refused, and the host is not asked", async () => {
    const target = await serve(hello, "127.0.0.2");
    const granted = await serve(to(target.url));
    await expect(read(host, [granted.host], granted.url)).rejects.toMatchObject({
      code: "PLINTH_PERMISSION",
      message: expect.stringContaining(target.host),
    });
    await expect(read(host, [granted.host], granted.url)).rejects.toMatchObject({ extension: "acme.client" });
    expect(target.seen).toEqual([]);
  });

  it("from a granted literal address to loopback by any spelling, or to another port, is refused", async () => {
    const target = await serve(hello);
    for (const location of [
      `http://127.0.0.1:${target.port}/`,
      `http://localhost:${target.port}/`,
      `http://[::1]:${target.port}/`,
      `http://2130706433:${target.port}/`,
    ]) {
      const granted = await serve(to(location), "127.0.0.2");
      await expect(read(host, [granted.host, "*"], granted.url), location).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    }
    const granted = await serve(to(`http://127.0.0.2:${target.port}/`), "127.0.0.2");
    await expect(read(host, [granted.host], granted.url)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    expect(target.seen).toEqual([]);
  });

  it("to another scheme, with credentials, or to what is no address fails with a code", async () => {
    for (const location of ["file:///etc/passwd", "http://user:pw@127.0.0.1/", "http://"]) {
      const site = await serve(to(location));
      await expect(read(host, ["loopback"], site.url), location).rejects.toMatchObject({ code: "PLINTH_PERMISSION", extension: "acme.client" });
    }
  });

  it("to another origin takes no header along that holds a secret, whatever its name", async () => {
    const target = await serve(hello);
    const site = await serve(to(target.url));
    const headers = { accept: "the secret", "accept-language": "en", "x-key": "no credential, but nobody knows" };
    expect(await read(host, ["loopback"], site.url, { headers, sensitive: ["accept"] })).toMatchObject({ status: 200 });
    expect(site.seen[0]?.headers).toMatchObject({ accept: "the secret" });
    expect(target.seen[0]?.headers).toMatchObject({ "accept-language": "en" });
    expect(JSON.stringify(target.seen[0]?.headers)).not.toContain("the secret");
  });

  it("is followed five times and not six", async () => {
    const site = await serve((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left === 0) hello(request, response);
      else to(`/${left - 1}`)(request, response);
    });
    expect(await read(host, ["loopback"], `${site.url}/5`)).toMatchObject({ body: "hello" });
    await expect(read(host, ["loopback"], `${site.url}/6`)).rejects.toMatchObject({
      code: "PLINTH_NET",
      message: expect.stringContaining("redirects too often"),
    });
  });

  it.each<[number, string, string, string]>([
    [303, "POST", "GET", ""],
    [303, "PUT", "GET", ""],
    [303, "HEAD", "HEAD", ""],
    [302, "POST", "GET", ""],
    [301, "POST", "GET", ""],
    [302, "PUT", "PUT", "payload"],
    [307, "POST", "POST", "payload"],
    [308, "POST", "POST", "payload"],
  ])("%i after %s goes on as %s with the body %j", async (status, method, then, body) => {
    const site = await serve((request, response) => (request.url === "/a" ? to("/b", status)(request, response) : hello(request, response)));
    const headers = { "content-type": "text/plain", "content-length": "7", authorization: "Bearer k" };
    await read(host, ["loopback"], `${site.url}/a`, { method, headers, ...(method === "HEAD" ? {} : { body: "payload" }) });
    expect(site.seen[1]).toMatchObject({ method: then, body, headers: { authorization: "Bearer k" } });
    if (then === "GET") for (const name of ["content-type", "content-length"]) expect(site.seen[1]?.headers).not.toHaveProperty(name);
  });

  it("to another origin loses every header that could hold a secret, and keeps what is harmless", async () => {
    const target = await serve(hello, "127.0.0.2");
    const site = await serve(to(target.url, 307));
    const secret = { Authorization: "s1", Cookie: "s2", "X-Api-Key": "s3", "X-Goog-Api-Key": "s4", "api-key": "s5", "X-Anything": "s6" };
    await read(host, ["loopback"], site.url, { method: "POST", body: "b", headers: { ...secret, Accept: "text/plain", "Content-Type": "text/x" } });
    expect(site.seen[0]?.headers).toMatchObject({ authorization: "s1", cookie: "s2", "x-anything": "s6" });
    expect(target.seen[0]?.headers).toMatchObject({ accept: "text/plain", "content-type": "text/x", host: target.host });
    expect(JSON.stringify(target.seen[0]?.headers)).not.toMatch(/"s[1-6]"/);
  });

  it("to another origin and back does not bring the credentials back", async () => {
    const home = await serve((request, response) => (request.url === "/a" ? to(`${away.url}/`)(request, response) : hello(request, response)));
    const away = await serve((request, response) => to(`${home.url}/b`)(request, response), "127.0.0.2");
    await read(host, ["loopback"], `${home.url}/a`, { headers: { authorization: "Bearer k" } });
    expect(home.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ["/a", "Bearer k"],
      ["/b", undefined],
    ]);
  });
});
