import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { logOut, whoAmI } from "../remote-publish.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";
import { within } from "./tokens.ts";

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

  it("is ended by its user and by administrators, and by nobody else", async () => {
    const victim = await registry.token("ann", ["publish"]);
    const { id } = await whoAmI(registry.remote(victim));
    const end = (token: string) => registry.call("DELETE", `api/v1/tokens/${id}`, token);
    expect(await codeOf(end(await registry.token("eve")))).toBe("PLINTH_NOT_FOUND");
    expect(await codeOf(end(await registry.token("ann", ["publish"])))).toBe("PLINTH_NOT_FOUND");
    expect((await end(await registry.token("ann", ["owner"]))).status).toBe(200);
    expect(await codeOf(session(victim))).toBe("PLINTH_TOKEN_REVOKED");
  });

  it("shows its user's tokens without their secrets", async () => {
    const token = await registry.token("ann");
    await registry.token("eve");
    const { tokens } = await (await registry.call("GET", "api/v1/tokens", token)).json();
    expect(tokens).toHaveLength(1);
    expect(JSON.stringify(tokens)).not.toContain(token.slice(21));
  });

  it("cannot be guessed from one address for long", async () => {
    const token = await registry.token("ann");
    for (let index = 0; index < 30; index++) await session("nonsense");
    const response = await session(token);
    expect(response.status).toBe(429);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    time += 61_000;
    expect((await session(token)).status).toBe(200);
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
