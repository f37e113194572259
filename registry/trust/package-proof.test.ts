import { rm } from "node:fs/promises";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sign } from "../signing.ts";
import { testKey } from "../test-package.ts";
import { type PackageProof, verifyPackageProof } from "./package-proof.ts";
import { roleKeysFromSeed } from "./roles.ts";
import { SignedRegistry } from "./signed-registry.testing.ts";

let made: PackageProof;
let proof: PackageProof;
let tarball: Buffer;
let fingerprint: string;
beforeAll(async () => {
  const registry = await SignedRegistry.make();
  await registry.publish("demo.clock", "1.0.0");
  await registry.publish("demo.weather", "1.0.0");
  await registry.trust.rotateRoot(roleKeysFromSeed("next"), registry.keys.root);
  await registry.publish("demo.dice", "1.0.0");
  const client = registry.host().client();
  made = await client.prove("demo.weather", "1.0.0");
  tarball = (await client.download("demo.weather", "1.0.0")).bytes;
  fingerprint = await registry.trust.fingerprint();
  await rm(registry.dir, { recursive: true });
});
beforeEach(() => {
  proof = structuredClone(made);
});

describe("a package's proof", () => {
  it("verifies the package when the registry is gone, from nothing but the fingerprint", async () => {
    const kept = JSON.parse(JSON.stringify(proof));
    expect(await verifyPackageProof(kept, tarball, fingerprint)).toEqual({
      publisher: "demo",
      registry: "test",
      keyId: testKey().keyId,
      logged: true,
    });
  });

  it.each<[string, string, (one: PackageProof) => void]>([
    ["another registry's roots", "PLINTH_TRUST_ROOT", (one) => void one.roots.shift()],
    ["no roots", "PLINTH_TRUST_ROOT", (one) => void one.roots.splice(0)],
    ["a root that nobody signed", "PLINTH_TRUST_THRESHOLD", (one) => void (one.roots[1]!.signed.expires = "2099-01-01T00:00:00.000Z")],
    ["an older root", "PLINTH_TRUST_THRESHOLD", (one) => void one.roots.pop()],
    ["another head", "PLINTH_TRUST_THRESHOLD", (one) => void (one.checkpoint = one.checkpoint.replace("\n5\n", "\n6\n"))],
    ["another place", "PLINTH_LOG_INCLUSION", (one) => void (one.entry.log!.index = 1)],
    ["another time", "PLINTH_LOG_INCLUSION", (one) => void (one.entry.log!.at = "2020-01-01T00:00:00.000Z")],
    ["no place", "PLINTH_LOG_INCLUSION", (one) => void Reflect.deleteProperty(one.entry, "log")],
    ["a shorter path", "PLINTH_LOG_INCLUSION", (one) => void one.path.pop()],
    ["other keys", "PLINTH_TRUST_THRESHOLD", (one) => void (one.delegation.signed.publisher = "acme")],
    ["another id", "PLINTH_LOG_INCLUSION", (one) => void (one.id = "acme.weather")],
    ["wider permissions", "PLINTH_SIGNATURE", (one) => void (one.entry.manifest.permissions = { net: ["*"] })],
    ["a stranger's signature", "PLINTH_LOG_INCLUSION", (one) => void (one.entry.signature = sign({ ...one.entry, id: one.id }, testKey("demo", 9)))],
    ["another form", "PLINTH_REGISTRY_INVALID", (one) => void Object.assign(one.entry, { extra: 1 })],
  ])("with %s is refused", async (_, code, change) => {
    change(proof);
    await expect(verifyPackageProof(proof, tarball, fingerprint)).rejects.toMatchObject({ code });
  });

  it("does not fit other bytes, nor another registry", async () => {
    await expect(verifyPackageProof(proof, tarball.subarray(1), fingerprint)).rejects.toMatchObject({ code: "PLINTH_INTEGRITY" });
    await expect(verifyPackageProof(proof, tarball, "0".repeat(64))).rejects.toMatchObject({ code: "PLINTH_TRUST_ROOT" });
  });
});
