import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RegistryClient } from "../client.ts";
import { publishRemotely } from "../remote-publish.ts";
import { memoryPins, testKey, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";
import type { Scope } from "./storage/index.ts";

interface Operation {
  path: string;
  method: string;
  open: boolean;
  parameters: { name: string; in: string; schema: { properties?: object } }[];
  body: { properties?: Record<string, unknown>; required?: string[] } | "bytes" | undefined;
}

let registry: TestRegistry;
let operations: Operation[];
let isProblem: (value: unknown) => boolean;
const all: Scope[] = ["publish", "yank", "owner"];
beforeAll(async () => {
  const plenty = { requests: 1e9, seconds: 60 };
  registry = await startTestRegistry({
    signed: true,
    registration: "open",
    limits: { policies: { read: plenty, search: plenty, write: plenty, report: plenty, "wrong-token": plenty } },
    resolveTxt: async () => [],
  });
  for (const [publisher, owner] of [
    ["demo", "ann"],
    ["other", "eve"],
  ] as const) {
    const key = await registry.publisher(publisher, owner);
    for (const version of ["1.0.0", "1.1.0"]) {
      await publishRemotely(registry.remote(await registry.token(owner)), await testTarball(`${publisher}.weather`, version), key);
    }
  }
  const document = await (await registry.get("openapi.json")).json();
  isProblem = new Ajv2020({ strict: false }).compile({ ...document.components.schemas.Problem });
  operations = Object.entries(document.paths as Record<string, Record<string, any>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { parameters, requestBody, security }]): Operation => ({
        path,
        method: method.toUpperCase(),
        open: security.length === 0 || security.some((one: object) => Object.keys(one).length === 0),
        parameters,
        body: requestBody === undefined ? undefined : (requestBody.content["application/json"]?.schema ?? "bytes"),
      }),
    ),
  );
});
afterAll(stopTestRegistries);

/** What each kind of token may never touch is the publisher other, of eve. */
const KINDS: Record<string, () => Promise<string | undefined>> = {
  none: async () => undefined,
  malformed: async () => "x".repeat(60),
  wrong: async () => `plr_${"1".repeat(16)}_${"B".repeat(43)}`,
  revoked: async () => {
    const token = await registry.token("eve", ["admin"]);
    await registry.api.tokens.revoke(token.slice(4, 20));
    return token;
  },
  expired: () => registry.token("eve", ["admin"], ["*"], -1),
  publish: () => registry.token("ann", ["publish"]),
  yank: () => registry.token("ann", ["yank"]),
  owner: () => registry.token("ann", ["owner"]),
  all: () => registry.token("ann", all),
  narrow: () => registry.token("ann", all, ["demo.weather"]),
  elsewhere: () => registry.token("eve", all, ["demo.*"]),
  moderator: () => registry.token("mod", ["admin"], ["demo.*"]),
};
const NOBODY = ["none", "malformed", "wrong", "revoked", "expired"];

const words = fc.constantFrom(
  "demo",
  "other",
  "demo.weather",
  "other.weather",
  "demo.*",
  "other.*",
  "*",
  "1.0.0",
  "1.1.0",
  "ann",
  "eve",
  "PSA-1",
  "1",
  "__proto__",
);
const keyId = fc.constantFrom(testKey("demo").keyId, testKey("other").keyId, "0".repeat(16));
const text = fc.oneof(
  words,
  keyId,
  fc.string({ maxLength: 40 }),
  fc.constantFrom("../../x", "%00", "a\u0000b", "\u202e", "x".repeat(3_000), "' or 1=1 --"),
);
const scalar = fc.oneof(
  { weight: 4, arbitrary: text },
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom("publish", "admin", "low", "warn", "malicious", "rotate", new Date(0).toISOString(), `${"A".repeat(86)}==`),
);
const value = fc.oneof({ weight: 5, arbitrary: scalar }, fc.array(scalar, { maxLength: 4 }), fc.dictionary(text, scalar, { maxKeys: 3 }), fc.json());
const request = fc.record({
  operation: fc.nat(1_000),
  kind: fc.constantFrom(...Object.keys(KINDS)),
  values: fc.array(value, { minLength: 12, maxLength: 12 }),
  dice: fc.array(fc.nat(99), { minLength: 12, maxLength: 12 }),
  extra: fc.option(fc.tuple(text, value), { freq: 4 }),
  shape: fc.constantFrom("fits", "fits", "fits", "fits", "array", "text", "broken"),
});

/** What each part of a request is when it is right, so that not everything stops at the shapes. */
const GOOD: Record<string, unknown[]> = {
  version: ["1.0.0", "1.1.0", "9.9.9"],
  publisher: ["demo", "other"],
  user: ["ann", "eve", "mod"],
  keyId: [testKey("demo").keyId, testKey("other").keyId],
  advisory: ["PSA-1", "PSA-2"],
  report: [1],
  name: ["demo.rain", "other.weather", "other"],
  package: ["demo.weather", "other.weather"],
  affected: ["<2", "not a range"],
  severity: ["low", "critical"],
  action: ["warn", "remove"],
  title: ["It leaks"],
  reason: ["malicious"],
  detail: ["It is broken"],
  label: ["ci"],
  scopes: [["publish"], ["admin"], ["owner", "yank"]],
  packages: [["demo.*"], ["other.*"], ["*"], ["demo.weather"]],
  days: [1, 300],
  limit: [10],
  offset: [0],
  open: ["true"],
  dryRun: ["false"],
};
/** Mostly right, and sometimes anything. */
const part = (name: string, die: number, given: unknown): unknown =>
  die < 80 && GOOD[name] !== undefined ? GOOD[name][die % GOOD[name].length] : given;

/** All that is the publisher other's, as the service and its storage say it. */
async function others(): Promise<unknown> {
  const { storage, tokens } = registry.api;
  const file = (path: string) => readFile(join(registry.dir, path), "utf8").catch(() => "");
  return {
    publisher: await storage.publishers.find("other"),
    index: await file("packages/other/weather.json"),
    keys: await file("keys/other.json"),
    advised: JSON.parse((await file("advisories.json")) || '{"signed":{"advisories":[]}}').signed.advisories.filter((one: { package: string }) =>
      one.package.startsWith("other."),
    ),
    allowed: await storage.allowedNames.has("other.weather"),
    kept: (await tokens.list("eve")).filter(({ token }) => token.label === "kept").map(({ token }) => ({ ...token, lastUsedAt: undefined })),
  };
}

function bodyOf({ body }: Operation, { shape, values, dice, extra }: Asked): { type?: string; bytes?: string } {
  if (body === undefined) return {};
  if (body === "bytes") return { type: "application/gzip", bytes: written(values[0]) };
  if (shape === "broken") return { type: "application/json", bytes: '{"reason":' };
  if (shape === "text") return { type: "application/json", bytes: JSON.stringify(written(values[0])) };
  if (shape === "array") return { type: "application/json", bytes: JSON.stringify(values) };
  // What is optional is there every other time.
  const names = Object.keys(body.properties ?? {}).filter((name, at) => body.required?.includes(name) || dice[at % 12]! % 2 === 0);
  const filled = Object.fromEntries(names.map((name, at) => [name, part(name, dice[at % 12]!, values[at % 12])]));
  return { type: "application/json", bytes: JSON.stringify(extra === null ? filled : { ...filled, [extra[0]]: extra[1] }) };
}

type Asked = typeof request extends fc.Arbitrary<infer T> ? T : never;

const written = (given: unknown): string => (typeof given === "string" ? given : (JSON.stringify(given) ?? ""));

it("over random requests of every kind of token to every route, nothing fails, nothing of others changes, and the registry stays good", async () => {
  const kept = await registry.api.tokens.create({ user: "eve", label: "kept", scopes: all, packages: ["*"], days: 30 });
  const before = await others();
  const secret = kept.secret.slice(21);
  const reached = new Set<string>();
  await fc.assert(
    fc.asyncProperty(request, async (asked) => {
      const { operation: at, kind, values, dice } = asked;
      const operation = operations[at % operations.length]!;
      const token = await KINDS[kind]!();
      let next = 0;
      const address = operation.path.slice(1).replace(/\{(\w+)\}/g, (_, name: string) => {
        const at = next++;
        const ids = operation.path.includes("/tokens/") ? [kept.token.id, token?.slice(4, 20)] : ["demo.weather", "other.weather"];
        return encodeURIComponent(written(name === "id" && dice[at]! < 90 ? ids[dice[at]! % 2] : part(name, dice[at]!, values[at])));
      });
      const told = (place: string) =>
        operation.parameters.filter((one) => one.in === place).map(({ name }, index) => [name, written(part(name, dice[index]!, values[index]))]);
      const query = new URLSearchParams(told("query") as [string, string][]).toString();
      const headers = Object.fromEntries(told("header").map(([name, words]) => [name, words!.replace(/[^\x20-\x7e]/g, "")]));
      const { type, bytes } = bodyOf(operation, asked);
      const response = await fetch(`${registry.url}${address}?${query}`, {
        method: operation.method,
        headers: {
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(type === undefined ? {} : { "content-type": type }),
        },
        ...(bytes === undefined ? {} : { body: bytes }),
      });
      const answer = await response.text();
      const about = { kind, method: operation.method, address, bytes, status: response.status, answer };
      expect({ ...about, failed: response.status >= 500 && response.status !== 503 }).toEqual({ ...about, failed: false });
      if (!response.ok) expect({ ...about, problem: isProblem(JSON.parse(answer)) }).toEqual({ ...about, problem: true });
      if (response.ok) reached.add(`${operation.method} ${operation.path}`);
      if (response.ok && !operation.open) expect(NOBODY).not.toContain(kind);
      expect(answer).not.toContain(secret);
      expect(await others()).toEqual(before);
    }),
    { numRuns: 1_200 },
  );
  expect(registry.errors).toEqual([]);
  // Not everything stopped at the door.
  expect(reached.size).toBeGreaterThan(10);
  // What hosts read is still what they accept, and the untouched publisher still publishes.
  const client = new RegistryClient({ name: "test", url: registry.dir, pins: memoryPins() });
  await client.advisories();
  await client.download("other.weather", "1.1.0");
  await publishRemotely(registry.remote(kept.secret), await testTarball("other.weather", "1.2.0"), testKey("other"));
}, 120_000);
