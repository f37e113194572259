import { afterEach, describe, expect, it } from "vitest";
import { publish } from "../publish.ts";
import { signRegistration } from "../registration.ts";
import { changeOwner, owners, publishRemotely, registerPublisher } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries } from "./server.testing.ts";

afterEach(stopTestRegistries);
const key = testKey("demo");

describe("a publisher's name", () => {
  it("is registered with its key by whoever has a token, and then published under", async () => {
    const registry = await startTestRegistry();
    const remote = registry.remote(await registry.token("ann"));
    expect(await registerPublisher(remote, key)).toEqual({ publisher: "demo", owner: "ann" });
    expect(await owners(remote, "demo")).toEqual(["ann"]);
    await publishRemotely(remote, await testTarball(), key);
    expect((await (await registry.get("registry.json")).json()).keys.demo).toEqual([{ keyId: key.keyId, publicKey: key.publicKey }]);
  });

  it("belongs to the first, even when two ask at once", async () => {
    const registry = await startTestRegistry();
    const attempts = await Promise.allSettled(
      ["ann", "eve"].map(async (user, index) => registerPublisher(registry.remote(await registry.token(user)), testKey("demo", index + 1))),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(attempts.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "PLINTH_PUBLISHER_TAKEN" } });
  });

  it("is refused to whoever does not have the key, or signed for another registry", async () => {
    const registry = await startTestRegistry();
    const remote = registry.remote(await registry.token("ann"));
    const stolen = { ...key, privateKey: testKey("demo", 9).privateKey };
    await expect(registerPublisher(remote, stolen)).rejects.toMatchObject({ code: "PLINTH_KEY_PROOF" });
    const elsewhere = await startTestRegistry({ name: "elsewhere" });
    const send = async (target: string, options: { method: string; headers: Record<string, string>; body?: Uint8Array }) => {
      // Whoever stands between takes what was signed for one registry to another.
      const url = options.method === "POST" ? target.replace(elsewhere.url, registry.url) : target;
      const response = await fetch(url, { ...options, body: (options.body ?? null) as BodyInit | null });
      return { status: response.status, headers: {}, body: response.body as unknown as AsyncIterable<Uint8Array> };
    };
    await expect(registerPublisher({ ...elsewhere.remote(remote.token), send }, key)).rejects.toMatchObject({ code: "PLINTH_KEY_PROOF" });
  });

  it("is refused when it looks like one that is there", async () => {
    const registry = await startTestRegistry();
    const remote = registry.remote(await registry.token("ann"));
    await registerPublisher(remote, testKey("google"));
    for (const name of ["g00gle", "goog1e", "go-ogle", "gooogle"]) {
      await expect(registerPublisher(remote, testKey(name))).rejects.toMatchObject({ code: "PLINTH_NAME_LOOKALIKE" });
    }
    await registerPublisher(remote, testKey("gaggle"));
  });

  it("needs a token, unless the registry is open, which then gives the first one", async () => {
    const closed = await startTestRegistry();
    await expect(registerPublisher(closed.remote(), key)).rejects.toMatchObject({ code: "PLINTH_UNAUTHENTICATED" });
    const registry = await startTestRegistry({ registration: "open" });
    const { issued, owner } = await registerPublisher(registry.remote(), key);
    expect(owner).toBe("demo");
    await publishRemotely(registry.remote(issued!.secret), await testTarball(), key);
  });

  it("is the only user's name that comes with it: none can be named, taken or raced for", async () => {
    const registry = await startTestRegistry({ registration: "open" });
    await registry.token("ann");
    const signedAt = new Date().toISOString();
    const body = (owner: ReturnType<typeof testKey>) => {
      const { publisher, keyId, publicKey } = owner;
      return { publisher, keyId, publicKey, signedAt, signature: signRegistration({ registry: "test", publisher, keyId, signedAt }, owner) };
    };
    for (const more of [{ user: "ann" }, { owner: "ann" }, { user: "acme" }]) {
      const answer = await registry.call("POST", "api/v1/publishers", undefined, { ...body(testKey("acme")), ...more });
      expect([answer.status, (await answer.json()).code]).toEqual([400, "PLINTH_BAD_REQUEST"]);
    }
    // A user who has a token, and one who is only named as an owner, keep their names.
    await registry.publisher("demo", "bob");
    for (const name of ["ann", "bob"]) {
      await expect(registerPublisher(registry.remote(), testKey(name))).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_TAKEN" });
      expect((await registry.get(`api/v1/publishers/${name}`)).status).toBe(404);
    }
    // Of eight keys at once, one gets name and user; nobody else gets a token of that user.
    const racing = Array.from({ length: 8 }, (_, index) => registry.call("POST", "api/v1/publishers", undefined, body(testKey("zebra", index + 1))));
    const answers = await Promise.all((await Promise.all(racing)).map(async (one) => one.json()));
    expect(answers.filter(({ issued }) => issued !== undefined)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === "PLINTH_PUBLISHER_TAKEN")).toHaveLength(7);
    expect(await registry.api.storage.tokens.list("zebra")).toHaveLength(1);
    // A name that nobody has cannot be made an owner: whoever came next would be it.
    const demo = await registry.token("bob");
    expect(await (await registry.call("PUT", "api/v1/publishers/demo/owners/nobody", demo)).json()).toMatchObject({ code: "PLINTH_USER_UNKNOWN" });
  });

  it("is not registered with a token for one package, or for others", async () => {
    const registry = await startTestRegistry();
    for (const packages of [["demo.weather"], ["acme.*"]]) {
      const token = await registry.token("ann", ["publish", "owner"], packages);
      await expect(registerPublisher(registry.remote(token), key)).rejects.toMatchObject({ code: "PLINTH_TOKEN_SCOPE" });
    }
  });

  it("is proven by a domain that names the key", async () => {
    const asked: string[] = [];
    const records: Record<string, string[][]> = { "_plinth.example.com": [["other"], ["plinth-key=", key.keyId]] };
    const resolveTxt = async (name: string) => {
      asked.push(name);
      if (records[name] === undefined) throw Object.assign(new Error("none"), { code: "ENOTFOUND" });
      return records[name];
    };
    const registry = await startTestRegistry({ registration: "domain", resolveTxt });
    const own = testKey("example-com");
    await expect(registerPublisher(registry.remote(), testKey("example-org"), { domain: "example.org" })).rejects.toMatchObject({
      code: "PLINTH_DNS_PROOF",
    });
    await expect(registerPublisher(registry.remote(), testKey("example-com", 7), { domain: "example.com" })).rejects.toMatchObject({
      code: "PLINTH_DNS_PROOF",
    });
    // A domain gives the name that is the domain, not any.
    await expect(registerPublisher(registry.remote(), testKey("acme"), { domain: "example.com" })).rejects.toMatchObject({
      code: "PLINTH_UNAUTHENTICATED",
    });
    const { issued } = await registerPublisher(registry.remote(), own, { domain: "example.com" });
    expect(issued?.token).toMatchObject({ packages: ["example-com.*"] });
    expect(await (await registry.get("api/v1/publishers/example-com")).json()).toMatchObject({ domain: "example.com", keys: [{ keyId: own.keyId }] });
    expect(new Set(asked)).toEqual(new Set(["_plinth.example.org", "_plinth.example.com"]));
  });

  it("that came by folder is its key's holder's, or whose who runs the registry names", async () => {
    const registry = await startTestRegistry();
    await registry.close();
    for (const id of ["demo.weather", "acme.rain"]) {
      await publish({ registry: registry.dir, tarball: await testTarball(id), key: testKey(id.split(".")[0]) });
    }
    const again = await startTestRegistry({ dir: registry.dir, dataDir: registry.dataDir });
    const remote = again.remote(await again.token("ann"));
    await expect(publishRemotely(remote, await testTarball("demo.weather", "1.1.0"), key)).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    await expect(registerPublisher(remote, testKey("demo", 9))).rejects.toMatchObject({ code: "PLINTH_PUBLISHER_TAKEN" });
    await registerPublisher(remote, key);
    await publishRemotely(remote, await testTarball("demo.weather", "1.1.0"), key);
    await again.call("PUT", "api/v1/publishers/acme/owners/ann", await again.token("root", ["admin"]));
    await publishRemotely(remote, await testTarball("acme.rain", "1.1.0"), testKey("acme"));
  });
});

describe("owners", () => {
  it("are added and removed by owners; the last one stays", async () => {
    const registry = await startTestRegistry();
    const ann = registry.remote(await registry.token("ann"));
    const bob = registry.remote(await registry.token("bob"));
    await registerPublisher(ann, key);
    await expect(changeOwner(bob, "add", "demo", "bob")).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    await changeOwner(ann, "add", "demo", "bob");
    await publishRemotely(bob, await testTarball(), key);
    await changeOwner(bob, "remove", "demo", "ann");
    await expect(publishRemotely(ann, await testTarball("demo.weather", "1.1.0"), key)).rejects.toMatchObject({ code: "PLINTH_NOT_OWNER" });
    await expect(changeOwner(bob, "remove", "demo", "bob")).rejects.toMatchObject({ code: "PLINTH_LAST_OWNER" });
  });

  it("are not changed with a token for one package only", async () => {
    const registry = await startTestRegistry();
    await registerPublisher(registry.remote(await registry.token("ann")), key);
    const narrow = registry.remote(await registry.token("ann", ["owner"], ["demo.x", "demo.weather"]));
    await expect(changeOwner(narrow, "add", "demo", "eve")).rejects.toMatchObject({ code: "PLINTH_TOKEN_SCOPE" });
  });
});
