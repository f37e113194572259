import { describe, expect, it } from "vitest";
import { eligible, inOrder, type Usage } from "./eligibility.ts";
import type { Found, Profile } from "./profile.ts";
import { afterwards } from "./usage.ts";

const NOW = 1_000_000_000_000;
const key: Profile = { id: "acme:a", vendor: "acme", of: "test.acme", kind: "key", from: { secret: "A" } };
const token: Profile = { ...key, kind: "token" };
const oauth: Profile = { ...key, kind: "oauth", from: { tokens: true } };
const there: Found = { there: true };
const away: Found = { there: false };

describe("whether one can be used", () => {
  it.each<[string, Profile, Found, Usage, object]>([
    ["ok", key, there, {}, {}],
    ["missing", key, away, {}, {}],
    ["missing", { ...key, kind: "aws", from: { chain: true } }, away, {}, {}],
    ["unresolved", { ...key, from: { command: ["pass"] } }, away, {}, {}],
    ["unresolved", { ...token, from: { login: "codex" } }, away, {}, {}],
    ["invalid", { ...token, expiresAt: 0 }, there, {}, {}],
    ["invalid", { ...token, expiresAt: -1 }, there, {}, {}],
    ["invalid", { ...token, expiresAt: "2030-01-01" }, there, {}, {}],
    ["invalid", { ...token, expiresAt: Number.NaN }, there, {}, {}],
    ["invalid", { ...token, expiresAt: null }, there, {}, {}],
    ["invalid", { ...token, expiresAt: 8.64e15 + 2 }, there, {}, {}],
    ["invalid", { ...token, expiresAt: 0 }, away, {}, {}],
    ["expired", { ...token, expiresAt: NOW }, there, {}, {}],
    ["ok", { ...token, expiresAt: NOW + 1 }, there, {}, {}],
    ["ok", { ...token, expiresAt: 8.64e15 }, there, {}, {}],
    ["missing", { ...token, expiresAt: NOW + 1 }, away, {}, {}],
    ["expired", token, { there: true, expiresAt: NOW - 1 }, {}, {}],
    ["invalid", { ...oauth, from: { secret: "A" } }, there, {}, {}],
    ["ok", oauth, { there: true, expiresAt: NOW - 1, renewable: true }, {}, {}],
    ["sign-in", oauth, { there: true, expiresAt: NOW - 1 }, {}, {}],
    ["sign-in", oauth, away, {}, {}],
    ["sign-in", oauth, { there: true, expiresAt: NOW - 1, fenced: true }, {}, {}],
    ["ok", oauth, { there: true, expiresAt: NOW + 1, fenced: true }, {}, {}],
    ["cooldown", key, there, { until: NOW + 1, why: "cooldown" }, {}],
    ["disabled", key, there, { until: NOW + 1, why: "disabled" }, {}],
    ["ok", key, there, { until: NOW, why: "disabled" }, {}],
    ["cooldown", key, there, { models: { m: { until: NOW + 1, why: "cooldown", failures: 1 } } }, { model: "m" }],
    ["no-model", key, there, { models: { m: { until: NOW + 1, why: "no-model", failures: 1 } } }, { model: "m" }],
    ["ok", key, there, { models: { m: { until: NOW + 1, why: "no-model", failures: 1 } } }, { model: "n" }],
    ["ok", key, there, { models: {} }, { model: "__proto__" }],
    ["left-out", key, there, {}, { order: ["acme:b"] }],
    ["left-out", key, away, {}, { order: [] }],
    ["ok", key, there, {}, { order: ["acme:b", "acme:a"] }],
    ["not-for-agent", { ...key, agent: "x" }, there, {}, { agent: "y" }],
    ["not-for-agent", { ...key, agent: "x" }, there, {}, {}],
    ["ok", { ...key, agent: "x" }, there, {}, { agent: "x" }],
  ])("%s: %o, %o, %o, %o", (reason, profile, found, usage, asked) => {
    expect(eligible(profile, found, usage, { now: NOW, ...asked }).reason).toBe(reason);
  });
});

it("without an order, sign-ins go before tokens and keys, an agent's own before all, and what rested longest first", () => {
  const one = (id: string, more: object = {}, usedAt = 0) => ({ profile: { ...key, id, ...more } as Profile, usage: { usedAt } });
  const all = [
    one("k1", {}, 5),
    one("k2", {}, 1),
    one("given", { given: true }),
    one("t", { kind: "token" }),
    one("o", { kind: "oauth" }),
    one("mine", { agent: "x" }),
  ];
  const ids = (by: Parameters<typeof inOrder>[1]) => inOrder(all, by).map(({ profile }) => profile.id);
  expect(ids({ agent: "x" })).toEqual(["mine", "o", "t", "k2", "k1", "given"]);
  expect(ids({ agent: "x", sticky: "k1" })[0]).toBe("k1");
  expect(ids({ agent: "x", sticky: "k1", pinned: "t" }).slice(0, 2)).toEqual(["t", "k1"]);
  expect(ids({ order: ["given", "k1", "k2", "t", "o", "mine"] })).toEqual(["given", "k1", "k2", "t", "o", "mine"]);
});

describe("after a failure", () => {
  const rests = (usage: Usage, model?: string) => (model === undefined ? usage.until! : usage.models![model]!.until) - NOW;

  it("rests longer each time, for that model alone where it is a rate, and not shorter than the server says", () => {
    let usage: Usage = {};
    const waits = [1, 2, 3, 4].map(() => rests((usage = afterwards(usage, { outcome: "rate", model: "m" }, NOW)), "m"));
    expect(waits).toEqual([30_000, 60_000, 300_000, 300_000]);
    expect(rests(afterwards({}, { outcome: "quota", model: "m", retryAfterMs: 3_600_000 }, NOW))).toBe(3_600_000);
    expect(afterwards(usage, { outcome: "ok", model: "m" }, NOW)).toEqual({ usedAt: NOW });
  });

  it("is left alone for ten minutes where it was refused or is not paid for, and not at all where the server is at fault", () => {
    for (const outcome of ["auth", "billing"] as const)
      expect(afterwards({}, { outcome }, NOW)).toMatchObject({ why: "disabled", until: NOW + 600_000 });
    const usage: Usage = { usedAt: 1 };
    for (const outcome of ["overloaded", "server", "network"] as const) expect(afterwards(usage, { outcome }, NOW)).toBe(usage);
  });
});
