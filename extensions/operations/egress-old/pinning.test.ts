import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { cleanUp, openHost, read, serve } from "./lab.testing.ts";

const lookup = vi.hoisted(() => vi.fn<(name: string, options: object) => Promise<{ address: string; family: number }[]>>());
vi.mock("node:dns/promises", () => ({ lookup, default: { lookup } }));

let host: TestHost;
beforeEach(async () => {
  host = await openHost();
  lookup.mockReset();
});
afterEach(cleanUp);

const v4 = (address: string) => ({ address, family: 4 });
const hello = () => serve((_request, response) => response.end("hello"));

it("a name is looked up once, and the connection goes to what that look-up said", async () => {
  const site = await hello();
  // A second answer would lead elsewhere: the name does not exist outside of this test.
  lookup.mockResolvedValueOnce([v4("127.0.0.1")]).mockRejectedValue(new Error("asked twice"));
  expect(await read(host, ["loopback", `pinned.test:${site.port}`], `http://pinned.test:${site.port}/`)).toMatchObject({ body: "hello" });
  expect(lookup).toHaveBeenCalledTimes(1);
  expect(site.seen[0]?.headers.host).toBe(`pinned.test:${site.port}`);
});

it("a name that leads to one non-public address among public ones is refused as a whole", async () => {
  const site = await hello();
  lookup.mockResolvedValue([v4("93.184.215.14"), v4("127.0.0.1")]);
  await expect(read(host, [`mixed.test:${site.port}`], `http://mixed.test:${site.port}/`)).rejects.toMatchObject({
    code: "PLINTH_PERMISSION",
    message: expect.stringContaining("127.0.0.1"),
  });
  expect(site.seen).toEqual([]);
});

it("a name that changes its mind between two requests is checked again", async () => {
  const site = await hello();
  const hosts = ["loopback", `moving.test:${site.port}`];
  lookup.mockResolvedValueOnce([v4("127.0.0.1")]).mockResolvedValueOnce([v4("169.254.169.254")]);
  expect(await read(host, hosts, `http://moving.test:${site.port}/`)).toMatchObject({ body: "hello" });
  await expect(read(host, hosts, `http://moving.test:${site.port}/`)).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
});

it("the next address is tried when the first one does not answer", async () => {
  const site = await hello();
  lookup.mockResolvedValue([{ address: "::1", family: 6 }, v4("127.0.0.1")]);
  expect(await read(host, ["loopback"], `http://localhost:${site.port}/`)).toMatchObject({ body: "hello" });
});

it("a name without an address is PLINTH_NET, and so is a look-up that fails", async () => {
  lookup.mockResolvedValueOnce([]).mockRejectedValueOnce(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  await expect(read(host, ["none.test"], "http://none.test/")).rejects.toMatchObject({ code: "PLINTH_NET", extension: "acme.client" });
  await expect(read(host, ["none.test"], "http://none.test/")).rejects.toMatchObject({
    code: "PLINTH_NET",
    message: expect.stringContaining("ENOTFOUND"),
  });
});

it("a look-up that hangs counts towards the time to the head", async () => {
  lookup.mockReturnValue(new Promise(() => {}));
  await expect(read(host, ["slow.test"], "http://slow.test/", { timeoutMs: 50 })).rejects.toMatchObject({ code: "PLINTH_NET" });
});
