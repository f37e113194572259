import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logOut, whoAmI } from "../remote-publish.ts";
import { within } from "./authority.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

let registry: TestRegistry;
let time: number;
beforeEach(async () => {
  time = Date.now();
  registry = await startTestRegistry({ now: () => time });
});
afterEach(stopTestRegistries);

const codeOf = async (response: Promise<Response>) => (await (await response).json()).code;
const session = (token: string) => registry.call("GET", "api/v1/session", token);
const wish = { label: "ci", scopes: ["publish"], packages: ["demo.*"], days: 10 };

describe("a token", () => {
  it("says who has it and what it may do", async () => {
    const token = await registry.token("ann", ["publish"], ["demo.*"]);
    expect(await whoAmI(registry.remote(token))).toMatchObject({ user: "ann", scopes: ["publish"], packages: ["demo.*"] });
  });

  it("is refused when it is wrong, and when there is none", async () => {
    const token = await registry.token("ann");
    for (const wrong of [
      `${token}x`,
      `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`,
      `plr_${"0".repeat(16)}_${"A".repeat(43)}`,
      "nonsense",
    ]) {
      expect(await codeOf(session(wrong))).toBe("PLINTH_UNAUTHENTICATED");
    }
    const response = await registry.call("GET", "api/v1/session");
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("Bearer");
  });

  it("ends with its time", async () => {
    const token = await registry.token("ann", ["publish"], ["*"], 1);
    time += 86_400_000 - 1;
    expect((await session(token)).status).toBe(200);
    time += 1;
    expect(await codeOf(session(token))).toBe("PLINTH_TOKEN_EXPIRED");
  });

  it("ends when its bearer logs out", async () => {
    const token = await registry.token("ann");
    await logOut(registry.remote(token));
    expect(await codeOf(session(token))).toBe("PLINTH_TOKEN_REVOKED");
    await expect(whoAmI(registry.remote(token))).rejects.toMatchObject({ code: "PLINTH_TOKEN_REVOKED" });
  });

  it("is stored as a hash only", async () => {
    const token = await registry.token("ann");
    const secret = token.slice(21);
    for (const name of await readdir(registry.dataDir)) {
      expect((await readFile(join(registry.dataDir, name))).includes(secret)).toBe(false);
    }
  });

  it("makes further ones that may do no more and last no longer than itself", async () => {
    const token = await registry.token("ann", ["publish", "owner"], ["demo.*"], 5);
    const made = await (await registry.call("POST", "api/v1/tokens", token, wish)).json();
    expect(made.token).toMatchObject({ user: "ann", scopes: ["publish"], packages: ["demo.*"] });
    expect(Date.parse(made.token.expiresAt)).toBeLessThanOrEqual(time + 5 * 86_400_000);
    expect((await session(made.secret)).status).toBe(200);
    for (const more of [{ scopes: ["yank"] }, { scopes: ["admin"] }, { packages: ["*"] }, { packages: ["acme.x"] }, { user: "eve" }]) {
      expect(await codeOf(registry.call("POST", "api/v1/tokens", token, { ...wish, ...more }))).toBe("PLINTH_TOKEN_SCOPE");
    }
    expect(await codeOf(registry.call("POST", "api/v1/tokens", made.secret, wish))).toBe("PLINTH_TOKEN_SCOPE");
  });

  it("is exchanged for a new one, and ends by that", async () => {
    const token = await registry.token("ann");
    const { id } = await whoAmI(registry.remote(token));
    const made = await (await registry.call("POST", `api/v1/tokens/${id}/rotation`, token)).json();
    expect(await codeOf(session(token))).toBe("PLINTH_TOKEN_REVOKED");
    expect(await (await session(made.secret)).json()).toMatchObject({ user: "ann" });
  });

  it("is ended by those of its user and of administrators that may do as much, and by no other", async () => {
    const victim = await registry.token("ann", ["publish"]);
    const { id } = await whoAmI(registry.remote(victim));
    const end = (token: string) => registry.call("DELETE", `api/v1/tokens/${id}`, token);
    expect(await codeOf(end(await registry.token("eve")))).toBe("PLINTH_NOT_FOUND");
    expect(await codeOf(end(await registry.token("ann", ["publish"])))).toBe("PLINTH_NOT_FOUND");
    expect(await codeOf(end(await registry.token("ann", ["owner"])))).toBe("PLINTH_NOT_FOUND");
    expect(await codeOf(end(await registry.token("ann", ["owner", "publish"], ["demo.*"])))).toBe("PLINTH_NOT_FOUND");
    expect((await end(await registry.token("ann", ["owner", "publish"]))).status).toBe(200);
    expect(await codeOf(session(victim))).toBe("PLINTH_TOKEN_REVOKED");
  });

  it("shows its user's tokens without their secrets", async () => {
    const token = await registry.token("ann");
    await registry.token("eve");
    const { tokens } = await (await registry.call("GET", "api/v1/tokens", token)).json();
    expect(tokens).toHaveLength(1);
    expect(JSON.stringify(tokens)).not.toContain(token.slice(21));
  });

  it("is let in however many wrong ones come from its address, which are told to wait", async () => {
    const token = await registry.token("ann");
    const { id } = await whoAmI(registry.remote(token));
    const ended = await registry.token("ann");
    await logOut(registry.remote(ended));
    for (let index = 0; index < 40; index++) {
      await session(index % 2 === 0 ? "nonsense" : `plr_${id}_${"A".repeat(43)}`);
    }
    const wrong = await session("nonsense");
    expect([wrong.status, (await wrong.json()).code]).toEqual([429, "PLINTH_RATE_LIMITED"]);
    expect(Number(wrong.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await session(token)).status).toBe(200);
    // One that has ended is still told why: it is counted by itself.
    expect(await codeOf(session(ended))).toBe("PLINTH_TOKEN_REVOKED");
    for (let index = 0; index < 40; index++) await session(ended);
    expect(await codeOf(session(ended))).toBe("PLINTH_RATE_LIMITED");
    expect((await session(token)).status).toBe(200);
    time += 61_000;
    expect(await codeOf(session("nonsense"))).toBe("PLINTH_UNAUTHENTICATED");
  });

  it("that is wrong, absent or ended takes nothing from what its address may ask", async () => {
    const ended = await registry.token("ann");
    await logOut(registry.remote(ended));
    const left = async () => Number(/r=(\d+)/.exec((await registry.call("GET", "api/v1/publishers/demo")).headers.get("ratelimit")!)![1]);
    const before = await left();
    for (const bearer of [undefined, "nonsense", ended]) {
      for (let index = 0; index < 40; index++) await registry.call("DELETE", "api/v1/session", bearer);
      for (let index = 0; index < 40; index++) await session(bearer as string);
    }
    expect(await left()).toBe(before - 1);
  });
});

describe("what was made from a token", () => {
  const make = async (from: string, more: object = {}) =>
    (await registry.call("POST", "api/v1/tokens", from, { ...wish, scopes: ["publish", "owner"], ...more })).json();

  it("ends with it, down to the last, and by nobody's doing otherwise", async () => {
    const root = await registry.token("ann", ["publish", "owner"], ["demo.*"]);
    const child = await make(root);
    const grandchild = await make(child.secret);
    const other = await make(root);
    expect(grandchild.token.parent).toBe(child.token.id);
    expect(await codeOf(registry.call("DELETE", `api/v1/tokens/${child.token.parent}`, grandchild.secret))).toBe("PLINTH_NOT_FOUND");
    expect((await registry.call("DELETE", `api/v1/tokens/${child.token.id}`, root)).status).toBe(200);
    expect(await codeOf(session(grandchild.secret))).toBe("PLINTH_TOKEN_REVOKED");
    expect((await session(other.secret)).status).toBe(200);
    await logOut(registry.remote(root));
    expect(await codeOf(session(other.secret))).toBe("PLINTH_TOKEN_REVOKED");
  });

  it("never outlives it, however its own time is told", async () => {
    const root = await registry.token("ann", ["publish", "owner"], ["demo.*"], 2);
    time += 86_400_000 + 1;
    const child = await make(root, { days: 366 });
    time += 86_400_000 - 2;
    expect((await session(child.secret)).status).toBe(200);
    time += 1;
    expect(await codeOf(session(child.secret))).toBe("PLINTH_TOKEN_EXPIRED");
  });

  it("is worth no more than it, even when the database says so", async () => {
    const root = await registry.token("ann", ["publish", "owner"], ["demo.*"]);
    const { id } = await whoAmI(registry.remote(root));
    const { token, secret } = await registry.api.tokens.create({
      user: "ann",
      label: "x",
      scopes: ["admin", "yank", "publish"],
      packages: ["*"],
      days: 300,
    });
    const { hash } = (await registry.api.storage.tokens.find(token.id))!;
    const forged = { ...token, id: "0123456789abcdef", parent: id };
    expect(await registry.api.storage.tokens.add(forged, hash)).toBe(true);
    const seen = await whoAmI(registry.remote(secret.replace(token.id, forged.id)));
    expect(seen).toMatchObject({ scopes: ["publish"], packages: ["demo.*"] });
    expect(Date.parse(seen.expiresAt)).toBeLessThanOrEqual(time + 30 * 86_400_000);
  });

  it("ends when the token is exchanged, which only itself and its own line may do", async () => {
    const admin = await registry.token("ann", ["admin"]);
    const { id } = await whoAmI(registry.remote(admin));
    const narrow = await registry.token("ann", ["owner"], ["demo.weather"]);
    expect(await codeOf(registry.call("POST", `api/v1/tokens/${id}/rotation`, narrow))).toBe("PLINTH_NOT_FOUND");
    const peer = await registry.token("ann", ["admin"]);
    expect(await codeOf(registry.call("POST", `api/v1/tokens/${id}/rotation`, peer))).toBe("PLINTH_FORBIDDEN");
    const child = await make(admin);
    const grandchild = await make(child.secret);
    const renewed = await (await registry.call("POST", `api/v1/tokens/${child.token.id}/rotation`, admin)).json();
    expect(renewed.token.parent).toBe(id);
    expect(await codeOf(session(child.secret))).toBe("PLINTH_TOKEN_REVOKED");
    expect(await codeOf(session(grandchild.secret))).toBe("PLINTH_TOKEN_REVOKED");
    await logOut(registry.remote(admin));
    expect(await codeOf(session(renewed.secret))).toBe("PLINTH_TOKEN_REVOKED");
  });

  it("shares what the first of them may ask, and is bounded in number and in depth", async () => {
    const root = await registry.token("ann", ["publish", "owner"], ["demo.*"]);
    const left = async (token: string) => Number(/r=(\d+)/.exec((await session(token)).headers.get("ratelimit")!)![1]);
    let line = root;
    const before = await left(root);
    for (let depth = 0; depth < 7; depth++) line = (await make(line)).secret;
    expect(await left(line)).toBe(before - 1);
    expect(await make(line)).toMatchObject({ status: 409, code: "PLINTH_TOKEN_LIMIT" });
    for (let count = 1; count < 100; count++) await make(root);
    expect(await make(root)).toMatchObject({ status: 409, code: "PLINTH_TOKEN_LIMIT" });
  });

  it("is not made when the token ended in the same moment", async () => {
    const root = await registry.token("ann", ["publish", "owner"], ["demo.*"]);
    const [made] = await Promise.all([make(root), logOut(registry.remote(root))]);
    if (made.secret !== undefined) expect(await codeOf(session(made.secret))).toBe("PLINTH_TOKEN_REVOKED");
    expect(await make(root)).toMatchObject({ code: "PLINTH_TOKEN_REVOKED" });
  });
});

it("a pattern lies within another when it names no more", () => {
  expect(within(["demo.x"], ["demo.*"])).toBe(true);
  expect(within(["demo.*"], ["demo.*", "acme.x"])).toBe(true);
  expect(within(["demo.*"], ["*"])).toBe(true);
  expect(within(["demo.*"], ["demo.x"])).toBe(false);
  expect(within(["*"], ["demo.*"])).toBe(false);
  expect(within(["demo2.x"], ["demo.*"])).toBe(false);
});
