import { afterAll, beforeAll, expect, it } from "vitest";
import { testKey } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";
import type { Scope } from "./storage/index.ts";

/**
 * Who may do what, written down by hand: for each operation what each kind of token gets, about what is its user's own
 * (the publisher demo, of ann) and about what is another's (other, of eve). The registry registers with a token only.
 *
 *     y  it may         1  no valid token: 401     s  neither scope nor pattern: PLINTH_TOKEN_SCOPE
 *     o  not an owner   f  PLINTH_FORBIDDEN        t  a token out of reach: PLINTH_NOT_FOUND
 *
 * Columns: no token, wrong, revoked, expired; publish, yank, owner, each for *; all three of them for demo.weather, demo.*,
 * other.*, *; admin for demo.*, other.*, *; one made from the one for *, for publish and demo.*
 */
const TABLE = `
  operation          own                     another's
  search             yyyy yyy yyyy yyy y     yyyy yyy yyyy yyy y
  getPackage         yyyy yyy yyyy yyy y     yyyy yyy yyyy yyy y
  getPublisher       yyyy yyy yyyy yyy y     yyyy yyy yyyy yyy y
  listOwners         yyyy yyy yyyy yyy y     yyyy yyy yyyy yyy y
  report             yyyy yyy yyyy yyy y     yyyy yyy yyyy yyy y
  registerPublisher  1111 yss sysy ysy y     1111 yss ssyy syy s
  publish            1111 yss yysy ysy y     1111 oss ssoo syy s
  yank               1111 sys yysy ysy s     1111 sos ssoo syy s
  unyank             1111 sys yysy ysy s     1111 sos ssoo syy s
  deprecate          1111 sys yysy ysy s     1111 sos ssoo syy s
  undeprecate        1111 sys yysy ysy s     1111 sos ssoo syy s
  changeKey          1111 ssy sysy ysy s     1111 sso ssoo syy s
  revokeKey          1111 ssy sysy ysy s     1111 sso ssoo syy s
  addOwner           1111 ssy sysy ysy s     1111 sso ssoo syy s
  removeOwner        1111 ssy sysy ysy s     1111 sso ssoo syy s
  whoAmI             1111 yyy yyyy yyy y     1111 yyy yyyy yyy y
  logout             1111 yyy yyyy yyy y     1111 yyy yyyy yyy y
  listTokens         1111 yyy yyyy yyy y     1111 yyy yyyy yyy y
  createToken        1111 sss yysy ysy s     1111 sss ssyy syy s
  rotateToken        1111 yyy yyyy yyy y     1111 ttt tttt tff t
  revokeToken        1111 ttt yyty yty t     1111 ttt tttt tyy t
  hide               1111 sss ssss ysy s     1111 sss ssss syy s
  unhide             1111 sss ssss ysy s     1111 sss ssss syy s
  takeDown           1111 sss ssss ysy s     1111 sss ssss syy s
  advise             1111 sss ssss ysy s     1111 sss ssss syy s
  banPublisher       1111 sss ssss ysy s     1111 sss ssss syy s
  unbanPublisher     1111 sss ssss ysy s     1111 sss ssss syy s
  allowName          1111 sss ssss ysy s     1111 sss ssss syy s
  listReports        1111 sss ssss ssy s     1111 sss ssss ssy s
  resolveReport      1111 sss ssss ssy s     1111 sss ssss ssy s
  audit              1111 sss ssss ssy s     1111 sss ssss ssy s`;

const LETTERS: Record<string, string> = {
  "1": "PLINTH_UNAUTHENTICATED PLINTH_TOKEN_REVOKED PLINTH_TOKEN_EXPIRED",
  s: "PLINTH_TOKEN_SCOPE",
  o: "PLINTH_NOT_OWNER",
  f: "PLINTH_FORBIDDEN",
  t: "PLINTH_NOT_FOUND",
};

/** What an operation answers whom it lets through; "done" for a success. Most fail for another reason, so that nothing changes. */
const PAST: Record<string, string> = {
  report: "PLINTH_PACKAGE_UNKNOWN",
  getPackage: "PLINTH_PACKAGE_UNKNOWN",
  registerPublisher: "PLINTH_KEY_PROOF",
  publish: "PLINTH_ARCHIVE_FORMAT",
  yank: "PLINTH_VERSION_UNKNOWN",
  unyank: "PLINTH_VERSION_UNKNOWN",
  deprecate: "PLINTH_VERSION_UNKNOWN",
  undeprecate: "PLINTH_VERSION_UNKNOWN",
  hide: "PLINTH_VERSION_UNKNOWN",
  unhide: "PLINTH_VERSION_UNKNOWN",
  takeDown: "PLINTH_VERSION_UNKNOWN",
  changeKey: "PLINTH_KEY_ROTATION",
  revokeKey: "PLINTH_KEY_UNKNOWN",
  addOwner: "PLINTH_USER_UNKNOWN",
  advise: "PLINTH_ADVISORY_RANGE",
  resolveReport: "PLINTH_NOT_FOUND",
};

const all: Scope[] = ["publish", "yank", "owner"];
const reason = { reason: "x" };

let registry: TestRegistry;
let time = Date.now();
beforeAll(async () => {
  const plenty = { requests: 1e6, seconds: 60 };
  const policies = { read: plenty, search: plenty, write: plenty, report: plenty, "wrong-token": plenty };
  registry = await startTestRegistry({ signed: true, now: () => time, limits: { policies } });
  await registry.publisher("demo", "ann");
  await registry.publisher("other", "eve");
});
afterAll(stopTestRegistries);

/** A fresh token of each kind, in the order of the table's columns. */
const KINDS: (() => Promise<string | undefined>)[] = [
  async () => undefined,
  async () => `plr_${"0".repeat(16)}_${"A".repeat(43)}`,
  async () => {
    const token = await registry.token("ann");
    await registry.api.tokens.revoke(token.slice(4, 20));
    return token;
  },
  async () => {
    const token = await registry.token("ann", all, ["*"], 1);
    time += 86_400_000;
    return token;
  },
  () => registry.token("ann", ["publish"]),
  () => registry.token("ann", ["yank"]),
  () => registry.token("ann", ["owner"]),
  () => registry.token("ann", all, ["demo.weather"]),
  () => registry.token("ann", all, ["demo.*"]),
  () => registry.token("ann", all, ["other.*"]),
  () => registry.token("ann", all),
  () => registry.token("mod", ["admin"], ["demo.*"]),
  () => registry.token("mod", ["admin"], ["other.*"]),
  () => registry.token("mod", ["admin"]),
  async () => {
    const wish = { label: "x", scopes: ["publish"], packages: ["demo.*"] };
    return (await (await registry.call("POST", "api/v1/tokens", await registry.token("ann", all), wish)).json()).secret;
  },
];

async function ask(operation: string, own: boolean, token: string | undefined): Promise<string> {
  const [publisher, id, user] = own ? ["demo", "demo.weather", "ann"] : ["other", "other.rain", "eve"];
  const version = `api/v1/packages/${id}/versions/9.9.9`;
  const moderated = `api/v1/moderation/packages/${id}/versions/9.9.9`;
  const ban = `api/v1/moderation/publishers/${publisher}/ban`;
  const key = testKey(publisher, 7);
  const victim = async () => (await registry.token(user, ["publish"], [own ? "demo.weather" : "other.*"])).slice(4, 20);
  const send = (method: string, path: string, body?: unknown) => registry.call(method, path, token, body);
  const requests: Record<string, () => Promise<Response>> = {
    search: () => send("GET", "api/v1/search?q=x"),
    getPackage: () => send("GET", `api/v1/packages/${id}`),
    getPublisher: () => send("GET", `api/v1/publishers/${publisher}`),
    listOwners: () => send("GET", `api/v1/publishers/${publisher}/owners`),
    report: () => send("POST", `api/v1/packages/${id}/reports`, { reason: "spam", detail: "x" }),
    registerPublisher: () =>
      send("POST", "api/v1/publishers", {
        publisher,
        keyId: key.keyId,
        publicKey: key.publicKey,
        signedAt: new Date(time).toISOString(),
        signature: `${"A".repeat(86)}==`,
      }),
    async publish() {
      const { headers } = await registry.publication(id!, "9.9.9", key);
      if (token !== undefined) headers.authorization = `Bearer ${token}`;
      return fetch(new URL(version, registry.url), { method: "POST", headers, body: "nothing of the kind" });
    },
    yank: () => send("PUT", `${version}/yank`, reason),
    unyank: () => send("DELETE", `${version}/yank`),
    deprecate: () => send("PUT", `${version}/deprecation`, reason),
    undeprecate: () => send("DELETE", `${version}/deprecation`),
    changeKey: () =>
      send("POST", `api/v1/publishers/${publisher}/keys`, {
        kind: "rotate",
        number: 1,
        from: key.keyId,
        to: key.publicKey,
        at: new Date(time).toISOString(),
        signatures: [{ keyId: key.keyId, signature: `${"A".repeat(86)}==` }],
      }),
    revokeKey: () => send("PUT", `api/v1/publishers/${publisher}/keys/${"0".repeat(16)}/revocation`, reason),
    addOwner: () => send("PUT", `api/v1/publishers/${publisher}/owners/nobody`),
    removeOwner: () => send("DELETE", `api/v1/publishers/${publisher}/owners/nobody`),
    whoAmI: () => send("GET", "api/v1/session"),
    logout: () => send("DELETE", "api/v1/session"),
    listTokens: () => send("GET", "api/v1/tokens"),
    createToken: () => send("POST", "api/v1/tokens", { label: "x", scopes: ["publish"], packages: [id], days: 1 }),
    rotateToken: async () => send("POST", `api/v1/tokens/${own && token !== undefined ? token.slice(4, 20) : await victim()}/rotation`),
    revokeToken: async () => send("DELETE", `api/v1/tokens/${await victim()}`),
    hide: () => send("PUT", `${moderated}/hidden`, reason),
    unhide: () => send("DELETE", `${moderated}/hidden`),
    takeDown: () => send("POST", `${moderated}/takedown`, reason),
    advise: () =>
      send("PUT", "api/v1/moderation/advisories/PSA-1", { package: id, affected: "not a range", severity: "low", title: "x", action: "warn" }),
    banPublisher: () => send("PUT", ban, reason),
    unbanPublisher: () => send("DELETE", ban),
    allowName: () => send("PUT", `api/v1/moderation/names/${id}`),
    listReports: () => send("GET", "api/v1/moderation/reports"),
    resolveReport: () => send("POST", "api/v1/moderation/reports/99/resolution", reason),
    audit: () => send("GET", "api/v1/audit"),
  };
  const answer = await requests[operation]!();
  await registry.api.storage.publishers.setBan(publisher!, undefined);
  return answer.ok ? "done" : (await answer.json()).code;
}

const ROWS = TABLE.trim()
  .split("\n")
  .slice(1)
  .map((line) => line.trim().split(/ {2,}/) as [string, string, string]);

it.each(ROWS)("%s is open to those that the table names", async (operation, own, foreign) => {
  for (const [mine, row] of [
    [true, own],
    [false, foreign],
  ] as const) {
    const cells = [...row.replaceAll(" ", "")];
    expect(cells).toHaveLength(KINDS.length);
    const got: string[] = [];
    for (const kind of KINDS) {
      const code = await ask(operation, mine, await kind());
      const letter = code === (PAST[operation] ?? "done") ? "y" : Object.keys(LETTERS).find((one) => LETTERS[one]!.split(" ").includes(code));
      got.push(letter ?? code);
    }
    expect([operation, mine, got.join("")]).toEqual([operation, mine, cells.join("")]);
  }
  expect(registry.errors).toEqual([]);
});

it("the table has each operation there is", async () => {
  const { paths } = await (await registry.get("openapi.json")).json();
  const names = Object.values(paths as Record<string, Record<string, { operationId: string }>>).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(ROWS.map(([operation]) => operation).sort()).toEqual(names.sort());
});
