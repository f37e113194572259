import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { integrityMatches, integrityOf } from "./integrity.ts";
import { generateKey, readKeyFile, writeKeyFile } from "./key-file.ts";
import { type Signable, sign, signedPayload, verify } from "./signing.ts";
import { testKey, testManifest } from "./test-package.ts";

const signable: Signable = {
  id: "demo.weather",
  version: "1.0.0",
  integrity: integrityOf(Buffer.from("x")),
  size: 1,
  manifest: testManifest() as Signable["manifest"],
  publishedAt: "2026-01-01T00:00:00.000Z",
};

describe("a signature", () => {
  it("proves what its key's owner signed", () => {
    expect(verify(signable, sign(signable, testKey()), testKey())).toBe(true);
  });

  it("covers the documented text", () => {
    expect(signedPayload(signable)).toBe(
      [
        "plinth-package 1",
        "id: demo.weather",
        "version: 1.0.0",
        `integrity: ${signable.integrity}`,
        "size: 1",
        "manifest: 20f5d0aed4908db49e0ebd02f13497f59b624d5ea61a9136c891e2e8757f1dee",
        "published: 2026-01-01T00:00:00.000Z",
        "",
      ].join("\n"),
    );
  });

  const changes: [string, Partial<Signable>][] = [
    ["id", { id: "demo.other" }],
    ["version", { version: "1.0.1" }],
    ["integrity", { integrity: integrityOf(Buffer.from("y")) }],
    ["size", { size: 2 }],
    ["manifest", { manifest: testManifest("demo.weather", "1.0.0", { permissions: { net: ["*"] } }) as Signable["manifest"] }],
    ["time", { publishedAt: "2026-01-02T00:00:00.000Z" }],
  ];
  it.each(changes)("does not hold for another %s", (_, change) => {
    expect(verify({ ...signable, ...change }, sign(signable, testKey()), testKey())).toBe(false);
  });

  it("does not hold for another key, even one that claims the same id", () => {
    const signature = sign(signable, testKey("demo", 2));
    expect(verify(signable, signature, testKey())).toBe(false);
    expect(verify(signable, { ...signature, keyId: testKey().keyId }, testKey())).toBe(false);
    expect(verify(signable, signature, { ...testKey("demo", 2), keyId: testKey().keyId })).toBe(false);
  });

  it("is refused, not fatal, when it or the key is rubbish", () => {
    for (const rubbish of ["", "AAAA", "!!", " ".repeat(88)]) {
      expect(verify(signable, { keyId: testKey().keyId, signature: rubbish }, testKey())).toBe(false);
      expect(verify(signable, sign(signable, testKey()), { keyId: testKey().keyId, publicKey: rubbish })).toBe(false);
    }
  });

  it("cannot be moved to a text with a forged line", () => {
    expect(() => signedPayload({ ...signable, publishedAt: "2026\nsize: 5" })).toThrow(/line break/);
  });

  it("does not depend on the order of a manifest's keys", () => {
    const turned = Object.fromEntries(Object.entries(signable.manifest).reverse()) as Signable["manifest"];
    expect(signedPayload({ ...signable, manifest: turned })).toBe(signedPayload(signable));
  });
});

describe("canonical JSON", () => {
  it("is one text for equal values", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(canonicalJson(value)))).toBe(canonicalJson(value));
      }),
    );
  });

  it("refuses endless depth", () => {
    expect(() => canonicalJson(JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`))).toThrow(/nested deeper/);
  });
});

describe("integrity", () => {
  it("holds for the same bytes only", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 500 }), fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, at, flip) => {
        const integrity = integrityOf(bytes);
        expect(integrityMatches(bytes, integrity)).toBe(true);
        const other = Uint8Array.from(bytes);
        other[at % other.length]! ^= flip;
        expect(integrityMatches(other, integrity)).toBe(false);
      }),
    );
  });

  it("refuses other algorithms and lists", () => {
    expect(integrityMatches(Buffer.from("x"), "sha1-EfatjsUqKYSrqv19IcoqzdlCIBo=")).toBe(false);
    expect(integrityMatches(Buffer.from("x"), `${integrityOf(Buffer.from("y"))} ${integrityOf(Buffer.from("x"))}`)).toBe(false);
    expect(integrityMatches(Buffer.from("x"), "")).toBe(false);
  });
});

describe("a key file", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "plinth-key-"));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  it("comes back as it was written, for its owner only", async () => {
    const path = join(home, "deep", "demo.key.json");
    const key = generateKey("demo");
    await writeKeyFile(path, key);
    expect(await readKeyFile(path)).toEqual(key);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("is never replaced", async () => {
    const path = join(home, "demo.key.json");
    await writeKeyFile(path, generateKey("demo"));
    await expect(writeKeyFile(path, generateKey("demo"))).rejects.toMatchObject({ code: "PLINTH_KEY_EXISTS" });
  });

  it("is refused when others can read it", async () => {
    const path = join(home, "demo.key.json");
    await writeKeyFile(path, generateKey("demo"));
    await chmod(path, 0o644);
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: "PLINTH_KEY_MODE" });
  });

  it("is refused when it is missing, broken or put together from two", async () => {
    await expect(readKeyFile(join(home, "none"))).rejects.toMatchObject({ code: "PLINTH_KEY_MISSING" });
    const path = join(home, "demo.key.json");
    await writeFile(path, "{}", { mode: 0o600 });
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: "PLINTH_KEY_INVALID" });
    await writeFile(path, JSON.stringify({ ...testKey(), publicKey: testKey("demo", 2).publicKey }), { mode: 0o600 });
    await expect(readKeyFile(path)).rejects.toMatchObject({ code: "PLINTH_KEY_INVALID" });
    expect(await readFile(path, "utf8")).toContain("demo");
  });

  it("is for a publisher's name only", () => {
    for (const name of ["", "Demo", "de.mo", "../x", "9a", "a".repeat(40)]) {
      expect(() => generateKey(name)).toThrow(expect.objectContaining({ code: "PLINTH_PUBLISHER_NAME" }));
    }
  });
});
