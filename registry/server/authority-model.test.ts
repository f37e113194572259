import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { testKey } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";
import { SCOPES, type Scope } from "./storage/index.ts";
import { removePlaces, storageKinds } from "./storage/storages.testing.ts";

/**
 * A model of who may do what, made without the service's own words: a token's packages are the set of all that it takes in,
 * out of a small world, and what it may do is what every token before it may do as well.
 */
const DAY = 86_400_000;
const PATTERNS = ["*", "a.*", "b.*", "a.one", "a.two", "b.one"];
const WORLD: Record<string, string[]> = {
  // `a.new` stands for packages to come, `else` for all that is in no publisher here.
  "*": ["a.one", "a.two", "a.new", "b.one", "b.new", "else"],
  "a.*": ["a.one", "a.two", "a.new"],
  "b.*": ["b.one", "b.new"],
  "a.one": ["a.one"],
  "a.two": ["a.two"],
  "b.one": ["b.one"],
};
const REFUSALS = [
  "PLINTH_UNAUTHENTICATED",
  "PLINTH_TOKEN_EXPIRED",
  "PLINTH_TOKEN_REVOKED",
  "PLINTH_TOKEN_SCOPE",
  "PLINTH_TOKEN_LIMIT",
  "PLINTH_NOT_OWNER",
  "PLINTH_PUBLISHER_BANNED",
  "PLINTH_FORBIDDEN",
];

interface ModelToken {
  id: string;
  secret: string;
  user: string;
  scopes: Scope[];
  packages: string[];
  expires: number;
  parent: ModelToken | undefined;
  ended: boolean;
}

class Model {
  now = Date.UTC(2026, 0, 1);
  readonly tokens: ModelToken[] = [];
  readonly owners: Record<string, Set<string>> = { a: new Set(["ann"]), b: new Set(["bob"]) };
  readonly banned = new Set<string>();

  line(token: ModelToken): ModelToken[] {
    return token.parent === undefined ? [token] : [token, ...this.line(token.parent)];
  }
  lives(token: ModelToken): boolean {
    return this.line(token).every((one) => !one.ended && this.now < one.expires);
  }
  has(token: ModelToken, scope: Scope): boolean {
    return this.line(token).every(({ scopes }) => scopes.includes(scope) || scopes.includes("admin"));
  }
  reaches(token: ModelToken, ids: readonly string[]): boolean {
    return this.line(token).every(({ packages }) => ids.every((id) => packages.some((pattern) => WORLD[pattern]!.includes(id))));
  }
  /** May it do all that the other one may? */
  asMuch(token: ModelToken, other: ModelToken): boolean {
    const scopes = SCOPES.filter((scope) => this.has(other, scope));
    const ids = WORLD["*"]!.filter((id) => this.reaches(other, [id]));
    return scopes.every((scope) => this.has(token, scope)) && this.reaches(token, ids);
  }
  change(token: ModelToken, scope: Scope, publisher: string, ids: readonly string[]): boolean {
    const acts = this.has(token, "admin") || this.owners[publisher]!.has(token.user);
    return this.lives(token) && this.has(token, scope) && this.reaches(token, ids) && acts && !this.banned.has(publisher);
  }
  moderate(token: ModelToken, ids: readonly string[]): boolean {
    return this.lives(token) && this.has(token, "admin") && this.reaches(token, ids);
  }
  sees(token: ModelToken, other: ModelToken): boolean {
    if (this.line(other).includes(token)) return true;
    if (this.line(token).includes(other)) return false;
    const people = this.has(token, "admin") || (this.has(token, "owner") && token.user === other.user);
    return people && this.asMuch(token, other);
  }
  make(token: ModelToken, wish: { scopes: Scope[]; packages: string[]; user: string }): boolean {
    const named = wish.user === token.user || (this.has(token, "admin") && this.reaches(token, WORLD["*"]!));
    return (
      this.lives(token) &&
      this.has(token, "owner") &&
      wish.scopes.every((scope) => this.has(token, scope)) &&
      wish.packages.every((pattern) => this.reaches(token, WORLD[pattern]!)) &&
      named &&
      this.line(token).length < 8
    );
  }
  end(token: ModelToken): void {
    for (const one of this.tokens) if (this.line(one).includes(token)) one.ended = true;
  }
}

const scopes = fc.uniqueArray(fc.constantFrom(...SCOPES), { minLength: 1, maxLength: 3 });
const packages = fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 3 });
const at = fc.nat(1_000);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("make" as const), by: at, scopes, packages, days: fc.integer({ min: 1, max: 40 }), other: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("rotate" as const, "end" as const), by: at, target: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("logout" as const, "list" as const, "govern" as const), by: at }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("mark" as const, "hide" as const), by: at, id: fc.constantFrom("a.one", "a.two", "b.one") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("ban" as const, "unban" as const, "own" as const, "disown" as const, "key" as const),
      by: at,
      publisher: fc.constantFrom("a", "b"),
      user: fc.constantFrom("ann", "bob", "cid"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), days: fc.integer({ min: 1, max: 15 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Asks the service what a step asks, and the model what must come of it. */
async function take(registry: TestRegistry, model: Model, name: (text: string) => string, one: Step): Promise<void> {
  if (one.do === "wait") {
    model.now += one.days * DAY;
    return;
  }
  const by = model.tokens[one.by % model.tokens.length]!;
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await registry.call(method, `api/v1/${path}`, by.secret, body);
    const answer = await response.json();
    return { allowed: response.ok || !REFUSALS.includes(answer.code), answer, ok: response.ok };
  };
  const expectThat = (allowed: boolean, model: boolean) => expect({ ...one, allowed }).toEqual({ ...one, allowed: model });
  if (one.do === "make") {
    const user = one.other ? "cid" : by.user;
    const wish = { scopes: one.scopes, packages: one.packages.map(name), days: one.days, label: "x", user: name(user) };
    const may = model.make(by, { ...one, user });
    const { allowed, answer } = await send("POST", "tokens", wish);
    expectThat(allowed, may);
    if (!may) return;
    const expires = Math.min(model.now + one.days * DAY, ...model.line(by).map((token) => token.expires));
    expect(Date.parse(answer.token.expiresAt)).toBe(expires);
    model.tokens.push({
      id: answer.token.id,
      secret: answer.secret,
      user,
      scopes: one.scopes,
      packages: one.packages,
      expires,
      parent: by,
      ended: false,
    });
  } else if (one.do === "rotate" || one.do === "end") {
    const target = model.tokens[one.target % model.tokens.length]!;
    const own = model.line(target).includes(by);
    const may = model.lives(by) && (one.do === "end" ? model.sees(by, target) : own && !target.ended);
    const { ok, answer } = one.do === "end" ? await send("DELETE", `tokens/${target.id}`) : await send("POST", `tokens/${target.id}/rotation`);
    expectThat(ok, may);
    if (!may) return;
    model.end(target);
    if (one.do === "rotate") model.tokens.push({ ...target, id: answer.token.id, secret: answer.secret, ended: false });
  } else if (one.do === "logout") {
    const may = model.lives(by);
    expectThat((await send("DELETE", "session")).ok, may);
    if (may) model.end(by);
  } else if (one.do === "list") {
    const { ok, answer } = await send("GET", "tokens");
    expectThat(ok, model.lives(by));
    if (!ok) return;
    const known = new Set(model.tokens.map(({ id }) => id));
    const seen = (answer.tokens as { id: string }[]).map(({ id }) => id).filter((id) => known.has(id));
    expect(seen.sort()).toEqual(
      model.tokens
        .filter((token) => model.sees(by, token))
        .map(({ id }) => id)
        .sort(),
    );
  } else if (one.do === "govern") expectThat((await send("GET", "audit")).allowed, model.moderate(by, WORLD["*"]!));
  else if (one.do === "mark") {
    expectThat(
      (await send("PUT", `packages/${name(one.id)}/versions/9.9.9/yank`, { reason: "x" })).allowed,
      model.change(by, "yank", one.id[0]!, [one.id]),
    );
  } else if (one.do === "hide") {
    expectThat(
      (await send("PUT", `moderation/packages/${name(one.id)}/versions/9.9.9/hidden`, { reason: "x" })).allowed,
      model.moderate(by, [one.id]),
    );
  } else await changePublisher(model, name, by, one as PublisherStep, send, expectThat);
}

type PublisherStep = Extract<Step, { publisher: string }>;

async function changePublisher(
  model: Model,
  name: (text: string) => string,
  by: ModelToken,
  one: PublisherStep,
  send: (method: string, path: string, body?: unknown) => Promise<{ allowed: boolean; ok: boolean; answer: { code?: string } }>,
  expectThat: (allowed: boolean, model: boolean) => void,
): Promise<void> {
  const { publisher, user } = one;
  const all = WORLD[`${publisher}.*`]!;
  const path = `publishers/${name(`${publisher}.*`).slice(0, -2)}`;
  const may = one.do === "ban" || one.do === "unban" ? model.moderate(by, all) : model.change(by, "owner", publisher, all);
  if (one.do === "ban" || one.do === "unban") {
    const { allowed } = await (one.do === "ban" ? send("PUT", `moderation/${path}/ban`, { reason: "x" }) : send("DELETE", `moderation/${path}/ban`));
    expectThat(allowed, may);
    if (may && one.do === "ban") model.banned.add(publisher);
    if (may && one.do === "unban") model.banned.delete(publisher);
  } else if (one.do === "own") {
    expectThat((await send("PUT", `${path}/owners/${name(user)}`)).allowed, may);
    if (may) model.owners[publisher]!.add(user);
  } else if (one.do === "disown") {
    const { allowed, answer } = await send("DELETE", `${path}/owners/${name(user)}`);
    expectThat(allowed, may);
    const last = model.owners[publisher]!.size === 1 && model.owners[publisher]!.has(user);
    if (may) expect(answer.code).toBe(last ? "PLINTH_LAST_OWNER" : undefined);
    if (may && !last) model.owners[publisher]!.delete(user);
  } else {
    // An unsigned registry has no place for keys, which it says to those who may change them.
    const { answer } = await send("PUT", `${path}/keys/${"0".repeat(16)}/revocation`, { reason: "x" });
    const said = { lives: model.lives(by), signed: answer.code === "PLINTH_FORBIDDEN" };
    expectThat(said.signed, may);
  }
}

afterAll(removePlaces);
afterEach(stopTestRegistries);

describe.each(storageKinds)("over random histories of tokens, owners, bans and time, in $name", ({ place }) => {
  it("the service grants what the model grants, and nothing that it denies", async () => {
    let model = new Model();
    const plenty = { requests: 1e9, seconds: 60 };
    const policies = { read: plenty, search: plenty, write: plenty, report: plenty, "wrong-token": plenty };
    const registry = await startTestRegistry({ ...(await place()), now: () => model.now, limits: { policies } });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        model = new Model();
        run += 1;
        // A world of its own for each run: a.one is a7.one in the seventh, ann is ann7.
        const name = (text: string) => (text === "*" ? text : text.includes(".") ? text.replace(".", `${run}.`) : `${text}${run}`);
        for (const [publisher, owner] of [
          ["a", "ann"],
          ["b", "bob"],
        ] as const) {
          await registry.publisher(`${publisher}${run}`, name(owner), testKey(`${publisher}${run}`));
        }
        for (const user of ["ann", "bob", "cid"]) {
          for (const [scopes, packages] of [
            [["publish", "yank", "owner"], ["*"]],
            [["owner", "yank"], user === "ann" ? ["a.one", "a.two"] : ["a.*"]],
            [["admin"], { ann: ["a.one", "b.one"], bob: ["b.*"], cid: ["*"] }[user]],
          ] as [Scope[], string[]][]) {
            const request = { user: name(user), label: "x", scopes, packages: packages.map(name), days: 30 };
            const { token, secret } = await registry.api.tokens.create(request);
            model.tokens.push({ id: token.id, secret, user, scopes, packages, expires: model.now + 30 * DAY, parent: undefined, ended: false });
          }
        }
        for (const one of steps) await take(registry, model, name, one);
      }),
      { numRuns: 25 },
    );
    expect(registry.errors).toEqual([]);
  });
});
