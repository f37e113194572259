import assert from "node:assert/strict";
import type { Client, HttpItem, HttpRequest } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

const ID = "plinth.http-route";
type RouteClient = Client<"plinth.http-route">;

/** A request as the gateway hands it on; whatever is not given is that of an empty one. */
export function requestOf(given: Partial<HttpRequest> = {}): HttpRequest {
  const { path = "/", headers = {} } = given;
  return {
    id: Math.random().toString(36).slice(2),
    method: "GET",
    path,
    params: {},
    target: path,
    query: [],
    headers,
    rawHeaders: Object.entries(headers),
    url: `http://127.0.0.1${path}`,
    scheme: "http",
    host: "127.0.0.1",
    remote: "127.0.0.1",
    body: { type: "none" },
    ...given,
  };
}

export interface HttpRouteSubject {
  /** A fresh route for each case. */
  open(): Promise<{ route: RouteClient; close?(): unknown }>;
  /** What it answers with a status below 400, twice if need be. */
  good: Partial<HttpRequest>;
  /** What it refuses, such as a wrong signature. */
  bad?: Partial<HttpRequest>;
}

/** What `plinth.http-route` asks of every route that takes requests. */
export const httpRouteConformance: readonly ConformanceCase<HttpRouteSubject>[] = [
  {
    name: "answers with one head, then its body",
    run: ({ open, good }) =>
      withOpened(open, async ({ route }) => {
        assert.ok((await answered(route, good)) < 400, "a good request is taken");
      }),
  },
  {
    name: "answers again",
    run: ({ open, good }) =>
      withOpened(open, async ({ route }) => {
        const all = await Promise.all([answered(route, good), answered(route, good)]);
        assert.ok(
          all.every((status) => status < 400),
          "two at once are taken",
        );
      }),
  },
  {
    name: "refuses a bad request, and takes a good one afterwards",
    needs: ["bad"],
    run: ({ open, good, bad }) =>
      withOpened(open, async ({ route }) => {
        const items = collect(route.handle(requestOf(bad)));
        if ((await items.catch(() => undefined)) === undefined) await assertCodedFailure(items);
        else assert.ok(statusOf(await items) >= 400, "it says no with a status");
        assert.ok((await answered(route, good)) < 400, "a good request is taken");
      }),
  },
  {
    name: "takes hostile bodies and queries as data",
    run: ({ open, good }) =>
      withOpened(open, async ({ route }) => {
        for (const text of ["", "{", "\u0000", "x".repeat(100_000), '{"__proto__":{"x":1}}', "[".repeat(5_000)]) {
          const attempt = collect(
            route.handle(requestOf({ ...good, body: { type: "text", text }, query: [["__proto__", text.slice(0, 100)]], headers: { x: "y" } })),
          );
          const items = await attempt.catch(() => undefined);
          if (items === undefined) await assertCodedFailure(attempt);
          else statusOf(items);
        }
        assert.equal(({} as { x?: unknown }).x, undefined, "no prototype was changed");
      }),
  },
  {
    name: "does nothing when it is cancelled already",
    run: ({ open, good }) =>
      withOpened(open, async ({ route }) => {
        await assertCodedFailure(collect(route.handle(requestOf(good), { signal: AbortSignal.abort() })));
      }),
  },
];

async function answered(route: RouteClient, given: Partial<HttpRequest>): Promise<number> {
  const items = await collect(route.handle(requestOf(given)));
  for (const item of items) await assertFits(ID, "handle", "item", item);
  return statusOf(items);
}

function statusOf([first, ...rest]: readonly HttpItem[]): number {
  assert.ok(first?.type === "head", "the head comes first");
  assert.ok(
    rest.every(({ type }) => type !== "head"),
    "there is one head",
  );
  return first.status;
}
