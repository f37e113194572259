import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { publish } from "../publish.ts";
import { publishRemotely } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { reindex } from "./reindex.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";
import { removePlaces, storageKinds } from "./storage/storages.testing.ts";

let registry: TestRegistry;
const search = async (query: string) => (await registry.get(`api/v1/search?${query}`)).json();
const ids = async (query: string) => (await search(query)).packages.map(({ id }: { id: string }) => id);
const tool = (id: string) => ({
  provides: [
    { contract: "plinth.tool", version: "1.0.0", id, descriptor: { title: id, description: id, input: { type: "object" }, effects: ["read"] } },
  ],
});

afterAll(removePlaces);

describe.each(storageKinds)("on $name", ({ place }) => {
  beforeEach(async () => {
    const { database } = await place();
    registry = await startTestRegistry({ database });
    const remote = registry.remote(await registry.token("ann"));
    const demo = await registry.publisher("demo", "ann");
    const acme = await registry.publisher("acme", "ann");
    const add = async (id: string, more: object) =>
      publishRemotely(remote, await testTarball(id, "1.0.0", more), id.startsWith("demo") ? demo : acme);
    await add("demo.weather", { title: "Weather", description: "Says what the weather is like.", permissions: { net: ["api.example.com"] } });
    await add("demo.umbrella", { title: "Umbrella", description: "Knows when the weather wants one." });
    await add("acme.forecast", { title: "Weather forecast", description: "Of tomorrow.", permissions: { net: ["*"], exec: ["curl"] } });
    await add("acme.cafe", { title: "Café au lait", description: "Brews." });
  });
  afterEach(stopTestRegistries);

  describe("a search", () => {
    it("puts the name before the title, and the title before the description", async () => {
      expect(await ids("q=weather")).toEqual(["demo.weather", "acme.forecast", "demo.umbrella"]);
    });

    it("takes beginnings of words, any case, without accents, and wants all of them", async () => {
      expect(await ids("q=umbr")).toEqual(["demo.umbrella"]);
      expect(await ids("q=CAFE")).toEqual(["acme.cafe"]);
      expect(await ids("q=weather+fore")).toEqual(["acme.forecast"]);
      expect(await ids("q=weather+nothing")).toEqual([]);
    });

    it("is narrowed by publisher and by kind of permission", async () => {
      expect(await ids("q=weather&publisher=acme")).toEqual(["acme.forecast"]);
      expect(await ids("permission=exec")).toEqual(["acme.forecast"]);
      expect(await ids("permission=none")).toEqual(["acme.cafe", "demo.umbrella"]);
      expect(await ids("contract=plinth.tool")).toEqual([]);
    });

    it("lists everything without words, most used first, page by page", async () => {
      await registry.api.storage.downloads.add([{ id: "demo.umbrella", version: "1.0.0", day: "2026-01-01", count: 7 }]);
      const first = await search("limit=3");
      expect(first).toMatchObject({ total: 4, next: 3 });
      expect(first.packages[0]).toMatchObject({ id: "demo.umbrella", downloads: 7 });
      const second = await search("limit=3&offset=3");
      expect(second.packages).toHaveLength(1);
      expect(second.next).toBeUndefined();
    });

    it.each(['q="', "q=*", "q=NEAR(a b)", "q=name:weather", "q=weather OR", "q=-", "q=%27;drop table packages", "q=)("])(
      "takes %s for words and not for an order",
      async (query) => {
        expect((await registry.get(`api/v1/search?${query}`)).status).toBe(200);
        expect(await ids("q=weather")).toHaveLength(3);
      },
    );

    it("refuses what is no search", async () => {
      for (const query of ["limit=0", "limit=1000", "offset=-1", "permission=fly", "publisher=A", "color=red", `q=${"x".repeat(300)}`, "q=a&q=b"]) {
        expect(await search(query)).toMatchObject({ status: 400, code: "PLINTH_BAD_REQUEST" });
      }
    });

    it("finds the newest version's words, and no withdrawn package", async () => {
      const remote = registry.remote(await registry.token("ann"));
      await publishRemotely(remote, await testTarball("demo.umbrella", "2.0.0", { title: "Parasol" }), testKey("demo"));
      expect(await ids("q=umbrella")).toEqual(["demo.umbrella"]);
      expect((await search("q=parasol")).packages[0]).toMatchObject({ id: "demo.umbrella", version: "2.0.0" });
      for (const version of ["1.0.0", "2.0.0"]) {
        await registry.call("PUT", `api/v1/packages/demo.umbrella/versions/${version}/yank`, remote.token, { reason: "x" });
      }
      expect(await ids("q=parasol")).toEqual([]);
    });
  });

  it("what search knows can be made anew from the folder, with what came by folder", async () => {
    const before = await search("q=");
    await publish({
      registry: registry.dir,
      tarball: await testTarball("other.sun", "1.0.0", { title: "Sun", ...tool("sun") }),
      key: testKey("other"),
    });
    expect(await ids("q=sun")).toEqual([]);
    expect(await reindex(registry.dir, registry.api.storage)).toEqual({ packages: 5, versions: 5 });
    expect(await ids("q=sun")).toEqual(["other.sun"]);
    expect(await ids("contract=plinth.tool")).toEqual(["other.sun"]);
    expect((await search("q=")).total).toBe(before.total + 1);
    expect((await (await registry.get("search.json")).json()).packages).toHaveLength(5);
  });
});
