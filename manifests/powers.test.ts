import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describePowers, effectivePermissions } from "./powers.ts";
import { type Manifest, Permissions } from "./schema/extension.ts";

const manifest = (permissions: Permissions): Manifest => ({
  id: "acme.x",
  version: "1.0.0",
  title: "X",
  description: "X",
  engines: { plinth: "^0.1.0" },
  permissions,
});

const patternOf = (kind: keyof Permissions): RegExp =>
  new RegExp((Permissions.properties[kind] as unknown as { items: { pattern: string } }).items.pattern);

describe("what an extension may do, in words", () => {
  it.each<[Permissions, string[]]>([
    [
      { net: ["api.example.com", "https://api.example.com", "wss://*.example.com:8443", "loopback", "*"] },
      [
        "connect to api.example.com",
        "connect to api.example.com (https only)",
        "connect to *.example.com:8443 (wss only)",
        "connect to servers on this machine",
        "connect to any public host",
      ],
    ],
    [{ fs: ["data", "workspace:ro", "/srv/notes"] }, ["read and write its own folder", "read the workspace", "read and write /srv/notes"]],
    [
      { exec: ["git", "git status *", "git log --oneline", "git show * --stat", "*"] },
      [
        "run git with any arguments",
        "run git status with any further arguments",
        "run git log --oneline (exactly so)",
        "run git show * --stat (exactly so, * is any one argument)",
        "run any program",
      ],
    ],
    [{ net: ["a.example"], secrets: ["KEY"] }, ["connect to a.example", "send the secret KEY to these hosts (it never sees it)"]],
    [{ net: ["*"], secrets: ["KEY"] }, ["connect to any public host", "send the secret KEY to any host, so to whomever it likes (it never sees it)"]],
    [{ env: ["HOME"], principals: ["guest"] }, ["read the environment variable HOME", "take in work for guests"]],
  ])("%j", (permissions, words) => {
    expect(describePowers(manifest(permissions))).toEqual(words);
  });

  it("are as many lines as permissions, no two the same, and hold no control characters", () => {
    const list = (kind: keyof Permissions) => fc.uniqueArray(fc.stringMatching(patternOf(kind)), { maxLength: 6 });
    const folder = fc.tuple(fc.stringMatching(/^(\/[a-z.]{1,4})+$/), fc.constantFrom("", ":ro")).map(([path, ro]) => path + ro);
    const permissions = fc.record({
      fs: fc.uniqueArray(fc.oneof(folder, fc.constantFrom("data", "workspace:ro"))),
      exec: list("exec"),
      net: list("net"),
    });
    fc.assert(
      fc.property(permissions, (given) => {
        const words = describePowers(manifest(given));
        expect(new Set(words).size).toBe(given.fs.length + given.exec.length + given.net.length);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they could move the cursor of the terminal that shows the consent.
        expect(words.join("")).not.toMatch(/[\u0000-\u001f\u007f]/);
      }),
    );
  });
});

describe("a manifest's permissions", () => {
  const accepts = (kind: keyof Permissions, value: string): boolean => patternOf(kind).test(value);

  it.each<[keyof Permissions, string, boolean]>([
    ["net", "https://api.example.com", true],
    ["net", "wss://*.example.com:8443", true],
    ["net", "[::1]:8080", true],
    ["net", "ftp://a.example", false],
    ["net", "https://a.example/path", false],
    ["net", "unix:/run/x.sock", false],
    ["net", "user@a.example", false],
    ["fs", "/srv/notes:ro", true],
    ["fs", "/", true],
    ["fs", "/srv/../etc", false],
    ["fs", "/srv/..", false],
    ["fs", "/srv/..:ro", false],
    ["fs", "/srv/./x", false],
    ["fs", "/srv//x", false],
    ["fs", "/srv/...", true],
    ["fs", "/srv/a\u001b[2J", false],
    ["fs", "/srv/\u202eabc", false],
    ["fs", "relative", false],
    ["exec", "git status *", true],
    ["exec", "git  status", false],
    ["exec", "git\nstatus", false],
    ["exec", "git status ", false],
    ["exec", "a b\u001b[2J", false],
  ])("%s %j: %s", (kind, value, expected) => {
    expect(accepts(kind, value)).toBe(expected);
  });

  it("are narrowed by the configuration and never widened", () => {
    const declared = manifest({ net: ["a.example", "b.example"], fs: ["data"] });
    expect(effectivePermissions(declared, undefined)).toEqual(declared.permissions);
    expect(effectivePermissions(declared, { net: ["b.example", "c.example"], exec: ["git"] })).toEqual({ net: ["b.example"], fs: [] });
  });
});
