import { readdirSync, statSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Principal } from "@plinth/sdk";
import { artifactsConformance, createTestHost, describeConformance, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import gateway from "../../surfaces/gateway/index.ts";
import gatewayManifest from "../../surfaces/gateway/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

let host: TestHost;
afterEach(() => host?.close());

const open = async (config: object = {}) => {
  const fresh = await createTestHost({ extensions: [{ manifest, extension, config }] });
  return { host: fresh, artifacts: fresh.use("plinth.artifacts").one(), close: () => fresh.close() };
};
const start = async (config: object = {}) => {
  const opened = await open(config);
  host = opened.host;
  return opened.artifacts;
};

describeConformance({ describe, it }, "the artifacts in files", artifactsConformance, { open });

const base64 = (text: string) => Buffer.from(text).toString("base64");
const megabyte = Buffer.alloc(1_048_576, "x").toString("base64");
const folder = () => join(host.home, "state", "plinth.artifacts");
const files = (): string[] =>
  readdirSync(join(folder(), "blobs")).flatMap((one) => readdirSync(join(folder(), "blobs", one)).map((name) => join(folder(), "blobs", one, name)));
const text = async (items: AsyncIterable<{ base64: string }>) => {
  let all = "";
  for await (const item of items) all += Buffer.from(item.base64, "base64");
  return all;
};

describe("artifacts in files", () => {
  it("are one file for the same bytes, readable by their owner alone, and gone with the last one that names them", async () => {
    const artifacts = await start();
    const first = (await artifacts.put({ base64: base64("same"), mimeType: "text/plain" })).artifact!;
    const second = (await artifacts.put({ base64: base64("same"), mimeType: "text/markdown" })).artifact!;
    expect(files()).toHaveLength(1);
    expect(statSync(files()[0]!).mode & 0o077).toBe(0);
    await artifacts.drop({ id: first.id });
    expect(files()).toHaveLength(1);
    await artifacts.drop({ id: second.id });
    expect(files()).toEqual([]);
  });

  it("are read from what was put, not from what stands in its place", async () => {
    const artifacts = await start();
    const { id } = (await artifacts.put({ base64: base64("0123456789"), mimeType: "text/plain" })).artifact!;
    const [file] = files();
    const damaged = { code: "PLINTH_ARTIFACT_DAMAGED" };
    writeFileSync(file!, "9876543210");
    await expect(text(artifacts.read({ id }))).rejects.toMatchObject(damaged);
    writeFileSync(file!, "longer than what was put");
    await expect(text(artifacts.read({ id, offset: 2, length: 3 }))).rejects.toMatchObject(damaged);
    await writeFile(join(host.home, "secret"), "0123456789");
    await rm(file!);
    await symlink(join(host.home, "secret"), file!);
    await expect(text(artifacts.read({ id, offset: 2, length: 3 }))).rejects.toMatchObject(damaged);
    await rm(file!);
    await mkdir(file!);
    await expect(text(artifacts.read({ id }))).rejects.toMatchObject(damaged);
    await rm(file!, { recursive: true });
    await expect(text(artifacts.read({ id }))).rejects.toMatchObject(damaged);
  });

  it("stay within what may be kept, of one, of each who is not the owner, and of all together", async () => {
    const artifacts = await start({ maxMb: 4, maxMbOfOthers: 2, maxMbOfOne: 3 });
    const guest: Principal = { role: "guest", via: "acme.x" };
    const put = (name: string) => artifacts.put({ base64: megabyte.replace(/^..../, base64(name.padEnd(3, "-"))), mimeType: "text/plain", name });
    await host.as(guest, async () => {
      await put("a");
      await put("b");
      await expect(put("c")).rejects.toMatchObject({ code: "PLINTH_QUOTA", extension: "acme.x" });
    });
    await host.as({ role: "guest", via: "acme.y" }, () => put("d"));
    await put("e");
    await expect(put("f")).rejects.toMatchObject({ code: "PLINTH_QUOTA" });
    expect(await artifacts.usage({})).toMatchObject({ artifacts: 4, bytes: 4 * 1_048_576 });
    const { artifacts: kept } = await artifacts.list({});
    for (const { id } of kept) await artifacts.drop({ id });
    let upload: string | undefined;
    for (let n = 0; n < 3; n++)
      upload = (await artifacts.put({ base64: megabyte, mimeType: "video/mp4", more: true, ...(upload ? { upload } : {}) })).upload;
    await expect(artifacts.put({ base64: base64("x"), mimeType: "video/mp4", upload: upload! })).rejects.toMatchObject({
      code: "PLINTH_ARTIFACT_TOO_LARGE",
    });
    expect(await artifacts.usage({})).toMatchObject({ bytes: 0 });
    expect(readdirSync(join(folder(), "incoming"))).toEqual([]);
  });

  it("count to whoever pays before they are finished: pieces, uploads at one time, and guests that a third party brings", async () => {
    const artifacts = await start({ maxMb: 7, maxMbOfOthers: 2, maxMbOfOne: 2 });
    const as = (via: string) => ({
      put: (name: string, more: object = {}) =>
        host.as({ role: "guest", via }, () =>
          artifacts.put({ base64: megabyte.replace(/^..../, base64(name.padEnd(3, "-"))), mimeType: "text/plain", name, ...more }),
        ),
    });
    const filled = expect.objectContaining({ code: "PLINTH_QUOTA", extension: "acme.x", message: expect.stringContaining("may keep 2 MiB") });
    const { upload } = await as("acme.x").put("a", { more: true });
    await as("acme.x").put("b", { more: true });
    await expect(as("acme.x").put("c", { more: true })).rejects.toEqual(filled);
    await expect(as("acme.x:somebody").put("d")).rejects.toEqual(filled);
    await as("acme.y").put("e");
    await artifacts.put({ base64: megabyte, mimeType: "text/plain" });
    // What is refused ends its upload, and gives its room back.
    await expect(as("acme.x").put("f", { upload })).rejects.toEqual(filled);
    await as("acme.x").put("g");
    const together = await Promise.allSettled([..."hijklmno"].map((name) => as("acme.z").put(name)));
    expect(together.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    const small = (more: object) => host.as({ role: "guest", via: "acme.w" }, () => artifacts.put({ base64: base64("x"), mimeType: "a/b", ...more }));
    for (let n = 0; n < 8; n++) await small({ more: true });
    await expect(small({ more: true })).rejects.toMatchObject({ code: "PLINTH_QUOTA", extension: "acme.w" });
    await host.as({ role: "owner", via: "local" }, () => artifacts.put({ base64: base64("mine"), mimeType: "a/b", more: true }));
  });

  it("take one piece of an upload at a time", async () => {
    const artifacts = await start();
    const { upload } = await artifacts.put({ base64: base64("first "), mimeType: "text/plain", more: true });
    const piece = (text: string) => artifacts.put({ base64: base64(text), mimeType: "text/plain", upload: upload! });
    const [one, two] = await Promise.allSettled([piece("second"), piece("third")]);
    expect(two).toMatchObject({ status: "rejected", reason: { code: "PLINTH_ARTIFACT_UNKNOWN" } });
    expect(await text(artifacts.read({ id: (one as PromiseFulfilledResult<{ artifact: { id: string } }>).value.artifact.id }))).toBe("first second");
  });

  it("are listed and dropped by whoever put them and by the owner; whoever knows an id reads it", async () => {
    const artifacts = await start();
    const ann: Principal = { role: "guest", via: "acme.ann" };
    const ben: Principal = { role: "guest", via: "acme.ben" };
    const { id, expiresAt } = (await host.as(ann, () => artifacts.put({ base64: base64("hers"), mimeType: "text/plain" }))).artifact!;
    expect(expiresAt).toBeGreaterThan(Date.now());
    await host.as(ben, async () => {
      expect(await artifacts.list({})).toEqual({ artifacts: [] });
      expect(await text(artifacts.read({ id }))).toBe("hers");
      await expect(artifacts.drop({ id })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
      await expect(artifacts.keep({ id, ttlMs: null })).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    });
    expect((await host.as(ann, () => artifacts.keep({ id, ttlMs: null }))).artifact.expiresAt, "no guest keeps something for good").toBeDefined();
    expect((await artifacts.list({})).artifacts.map((one) => one.id)).toEqual([id]);
    expect(await artifacts.drop({ id })).toEqual({ dropped: true });
  });

  it("leave nothing of what a crash left behind", async () => {
    const artifacts = await start();
    const { id } = (await artifacts.put({ base64: base64("kept"), mimeType: "text/plain" })).artifact!;
    const old = new Date(Date.now() - 2 * 3_600_000);
    const orphan = join(folder(), "blobs", "aa", "a".repeat(64));
    const half = join(folder(), "incoming", "half");
    await mkdir(join(orphan, ".."), { recursive: true });
    for (const path of [orphan, half]) {
      await writeFile(path, "left");
      await utimes(path, old, old);
    }
    const fresh = join(folder(), "incoming", "now");
    await writeFile(fresh, "somebody writes it");
    const { Artifacts } = await import("./artifacts.ts");
    const { Blobs } = await import("./blobs.ts");
    const { Shelf } = await import("./shelf.ts");
    const { DatabaseSync } = await import("node:sqlite");
    const limits = { maxMb: 1, maxMbOfOthers: 1, maxMbOfOne: 1 };
    const next = new Artifacts(new Shelf(DatabaseSync, join(folder(), "artifacts.db")), new Blobs(folder()), limits, Date.now);
    await next.sweep();
    await next.close();
    expect(readdirSync(join(folder(), "incoming"))).toEqual(["now"]);
    expect(files()).toHaveLength(1);
    expect(await text(artifacts.read({ id }))).toBe("kept");
  });
});

describe("the route of an artifact", () => {
  const serve = async () => {
    host = await createTestHost({
      extensions: [
        { manifest: gatewayManifest, extension: gateway, config: { port: 0 } },
        { manifest, extension },
      ],
    });
    await host.use("plinth.service").get("gateway").start({});
    const { url, token } = JSON.parse(await readFile(join(host.home, "state", "plinth.gateway", "running.json"), "utf8"));
    const get = (id: string, headers: Record<string, string> = {}, method = "GET") =>
      fetch(new URL(`/artifacts/${id}`, url), { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    const put = async (content: string, mimeType: string, name?: string) =>
      (
        await host
          .use("plinth.artifacts")
          .one()
          .put({ base64: base64(content), mimeType, ...(name ? { name } : {}) })
      ).artifact!.id;
    return { url, get, put };
  };

  it("gives it to whoever has the gateway's token, whole, in ranges, and not again", async () => {
    const { url, get, put } = await serve();
    const id = await put("0123456789", "text/plain", 'notes für "dich".txt');
    expect((await fetch(new URL(`/artifacts/${id}`, url))).status).toBe(401);
    const whole = await get(id);
    expect([whole.status, await whole.text(), whole.headers.get("content-type")]).toEqual([200, "0123456789", "text/plain"]);
    expect(whole.headers.get("content-disposition")).toBe("inline; filename*=UTF-8''notes%20f%C3%BCr%20%22dich%22.txt");
    const part = await get(id, { range: "bytes=2-4" });
    expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await (await get(id, { range: "bytes=-3" })).text()).toBe("789");
    expect(await (await get(id, { range: "bytes=8-" })).text()).toBe("89");
    expect((await get(id, { range: "bytes=10-" })).status).toBe(416);
    expect(await (await get(id, { range: "bytes=1-2,4-5" })).text()).toBe("0123456789");
    expect(await (await get(id, { range: "bytes=2-4", "if-range": '"other"' })).text()).toBe("0123456789");
    expect((await get(id, { "if-none-match": whole.headers.get("etag")! })).status).toBe(304);
    const head = await get(id, {}, "HEAD");
    expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, whole.headers.get("etag"), ""]);
    expect((await get("nothing")).status).toBe(404);
  });

  it("lets nothing that was put run as a page of the gateway", async () => {
    const { get, put } = await serve();
    for (const mimeType of ["text/html", "image/svg+xml", "application/xhtml+xml"]) {
      const answer = await get(await put("<script>alert(1)</script>", mimeType));
      expect(answer.headers.get("content-disposition"), mimeType).toBe("attachment");
      expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; sandbox/);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    }
  });
});
