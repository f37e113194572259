import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { addressIdentity, assertNoUser, canonicalAddress } from "./registry-address.ts";

describe("an address of a registry", () => {
  it.each([
    ["letters of another case", "HTTPS://Plugins.ACME.example/r"],
    ["a dot at the host's end", "https://plugins.acme.example./r"],
    ["its default port", "https://plugins.acme.example:443/r"],
    ["a slash at the end, or several", "https://plugins.acme.example//r///"],
    ["the other scheme", "http://plugins.acme.example/r"],
    ["the other scheme at its port", "http://plugins.acme.example:80/r"],
    ["dots in its path", "https://plugins.acme.example/x/../r/."],
    ["escaped dots in its path", "https://plugins.acme.example/x/%2E%2e/r"],
    ["needless escapes", "https://plugins.acme.example/%72"],
    ["a user and a password", "https://me:secret@plugins.acme.example/r"],
    ["a query", "https://plugins.acme.example/r/?x=1"],
    ["a fragment", "https://plugins.acme.example/r/#x"],
  ])("is the same with %s", (_what, url) => {
    expect(canonicalAddress(url)).toBe("//plugins.acme.example/r/");
    expect(addressIdentity(url)).toBe(addressIdentity("https://plugins.acme.example/r"));
  });

  it.each([
    ["IPv6 addresses", "http://[0:0:0:0:0:0:0:1]:8080", "http://[::1]:8080/"],
    ["IPv4 addresses", "http://0x7f.1:8080", "http://127.0.0.1:8080"],
    ["unicode hosts", "https://Bücher.example", "https://xn--bcher-kva.example"],
    ["full-width letters", "https://ａcme.example", "https://acme.example"],
  ])("is the same in every spelling of %s", (_what, one, other) => {
    expect(canonicalAddress(one)).toBe(canonicalAddress(other));
  });

  it.each([
    ["host", "https://plugins.acme.example.evil.example/r"],
    ["host that looks like it", "https://plugins.аcme.example/r"],
    ["port", "https://plugins.acme.example:8443/r"],
    ["path", "https://plugins.acme.example/r2"],
    ["path below it", "https://plugins.acme.example/r/r"],
    ["path with an escaped slash", "https://plugins.acme.example/r%2F"],
    ["path in another case", "https://plugins.acme.example/R"],
  ])("is another one with another %s", (_what, url) => {
    expect(canonicalAddress(url)).not.toBe("//plugins.acme.example/r/");
  });

  it("on this machine is the folder that it leads to", async () => {
    const base = await mkdtemp(join(tmpdir(), "plinth-address-"));
    const folder = join(base, "a registry");
    await mkdir(folder);
    await symlink(folder, join(base, "link"));
    for (const url of [`${folder}/`, join(base, "link"), `${base}/x/../link`, pathToFileURL(folder).href]) {
      expect(canonicalAddress(url)).toBe(canonicalAddress(folder));
    }
    await rm(base, { recursive: true });
  });

  it("holds no user's name or password, and is an address", () => {
    expect(() => assertNoUser("https://me@acme.example")).toThrow(expect.objectContaining({ code: "PLINTH_REGISTRY_URL" }));
    expect(() => assertNoUser("https://acme.example/@me")).not.toThrow();
    expect(() => canonicalAddress("http://[::1")).toThrow(expect.objectContaining({ code: "PLINTH_REGISTRY_URL" }));
  });
});
