import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, expect, it } from "vitest";
import { signRegistration } from "../registration.ts";
import { publishRemotely, whoAmI } from "../remote-publish.ts";
import { testKey, testTarball } from "../test-package.ts";
import { rotateKey } from "../trust/index.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

interface Operation {
  operationId: string;
  security: object[];
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

let registry: TestRegistry;
let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, object> } };
let check: (schema: object, value: unknown) => string[];

beforeEach(async () => {
  registry = await startTestRegistry({ signed: true });
  document = await (await registry.get("openapi.json")).json();
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  check = (schema, value) => {
    const validate = ajv.compile({ ...schema, components: document.components });
    return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  };
});
afterEach(stopTestRegistries);

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

/** What a request to each operation needs to be done, in an order in which each can be. */
async function requests(): Promise<Record<string, { params?: Record<string, string>; query?: string; token?: string; body?: unknown }>> {
  const admin = await registry.token("root", ["admin", "owner"]);
  const ann = await registry.token("ann");
  const { id } = await whoAmI(registry.remote(ann));
  await registry.token("bob");
  const other = await whoAmI(registry.remote(await registry.token("ann")));
  const version = { id: "demo.weather", version: "1.0.0" };
  const reason = { reason: "Because" };
  const signedAt = new Date().toISOString();
  const key = testKey("other");
  const signature = signRegistration({ registry: "test", publisher: "other", keyId: key.keyId, signedAt }, key);
  return {
    search: { query: "?q=weather" },
    getPackage: { params: { id: "demo.weather" } },
    yank: { params: version, token: ann, body: reason },
    unyank: { params: version, token: ann },
    deprecate: { params: version, token: ann, body: reason },
    undeprecate: { params: version, token: ann },
    getPublisher: { params: { publisher: "demo" } },
    registerPublisher: { token: ann, body: { publisher: "other", keyId: key.keyId, publicKey: key.publicKey, signedAt, signature } },
    listOwners: { params: { publisher: "demo" } },
    addOwner: { params: { publisher: "demo", user: "bob" }, token: ann },
    removeOwner: { params: { publisher: "demo", user: "bob" }, token: ann },
    whoAmI: { token: ann },
    listTokens: { token: ann },
    createToken: { token: ann, body: { label: "ci", scopes: ["publish"], packages: ["demo.*"] } },
    revokeToken: { params: { id: other.id }, token: ann },
    report: { params: { id: "demo.weather" }, body: { reason: "other", detail: "Just looking" } },
    listReports: { token: admin },
    resolveReport: { params: { report: "1" }, token: admin, body: reason },
    hide: { params: version, token: admin, body: reason },
    unhide: { params: version, token: admin },
    takeDown: { params: version, token: admin, body: reason },
    banPublisher: { params: { publisher: "demo" }, token: admin, body: reason },
    unbanPublisher: { params: { publisher: "demo" }, token: admin },
    allowName: { params: { name: "demo.wheather" }, token: admin },
    audit: { token: admin },
    advise: {
      params: { advisory: "PSA-2026-1" },
      token: admin,
      body: { package: "demo.weather", affected: "<2", severity: "high", title: "It leaks", action: "warn" },
    },
    changeKey: { params: { publisher: "demo" }, token: ann, body: await nextKey() },
    revokeKey: { params: { publisher: "demo", keyId: testKey("demo").keyId }, token: ann, body: reason },
    rotateToken: { params: { id }, token: ann },
    logout: { token: admin },
  };
}

async function nextKey(): Promise<unknown> {
  const { signed } = await (await registry.get("keys/demo.json")).json();
  return rotateKey(signed, testKey("demo"), testKey("demo", 2), new Date().toISOString());
}

const addressOf = (path: string, params: Record<string, string> = {}) => path.slice(1).replace(/\{(\w+)\}/g, (_, name) => params[name] ?? "missing");

it("each operation answers as the document says", async () => {
  const key = await registry.publisher("demo", "ann");
  await publishRemotely(registry.remote(await registry.token("ann")), await testTarball(), key);
  const todo = await requests();
  const byName = new Map(operations().map((one) => [one.operation.operationId, one]));
  for (const [name, { params, query = "", token, body }] of Object.entries(todo)) {
    const { path, method, operation } = byName.get(name)!;
    const response = await registry.call(method, addressOf(path, params) + query, token, body);
    const answer = await response.json();
    const documented = operation.responses[String(response.status)];
    expect([name, response.status, answer.code]).toEqual([name, Number(Object.keys(operation.responses)[0]), undefined]);
    expect([name, check(documented!.content["application/json"]!.schema, answer)]).toEqual([name, []]);
    expect(response.headers.get("ratelimit")).toMatch(/^"[a-z-]+";r=\d+;t=\d+$/);
  }
  // Publishing takes bytes: done above and in its own tests.
  expect([...Object.keys(todo), "publish"].sort()).toEqual([...byName.keys()].sort());
  expect(registry.errors).toEqual([]);
});

it("each operation refuses as the document says", async () => {
  for (const { path, method, operation } of operations()) {
    const takesJson = operation.requestBody?.content["application/json"] !== undefined;
    const params = { id: "BAD", version: "bad", publisher: "BAD", user: "BAD!", name: "BAD", report: "x" };
    const response = await registry.call(method, addressOf(path, params), undefined, takesJson ? { nothing: "known" } : undefined);
    if (response.ok) {
      expect([operation.operationId, operation.requestBody, operation.security]).toEqual(["search", undefined, []]);
      continue;
    }
    const content = (operation.responses[String(response.status)] ?? operation.responses.default)?.content["application/problem+json"];
    expect([operation.operationId, response.status, content !== undefined]).toEqual([operation.operationId, response.status, true]);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(check(content!.schema, await response.json())).toEqual([]);
  }
});

it("each operation that changes something for somebody needs a token", () => {
  const open = operations().filter(({ method, operation }) => method !== "GET" && !operation.security.some((one) => "token" in one));
  expect(open.map(({ operation }) => operation.operationId)).toEqual(["report"]);
});

it("names each operation once, and each part of its path", () => {
  const all = operations();
  expect(new Set(all.map(({ operation }) => operation.operationId)).size).toBe(all.length);
  for (const { path, operation } of all) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect(operation.parameters.filter((one) => one.in === "path" && one.required).map(({ name }) => name)).toEqual(named);
  }
});
