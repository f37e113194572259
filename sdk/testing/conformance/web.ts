import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Search = Client<"plinth.web-search">;
type Fetch = Client<"plinth.web-fetch">;

export interface WebSearchSubject extends Opening<Search> {
  /** Finds at least two things. */
  query: string;
  /** A field of the request that its service does not have, with a value. */
  lacks?: Partial<Parameters<Search["search"]>[0]>;
}

export interface WebFetchSubject extends Opening<Fetch> {
  /** A page of more than 200 characters of text. */
  url: string;
  /** An address that redirects to another one that may be read. */
  redirecting?: string;
  /** An address that answers 404. */
  missing?: string;
  /** An address that redirects to where nobody may go, such as 127.0.0.1. */
  forbidden?: string;
  /** Does not answer in time. */
  slow?: string;
}

const search = casesOf<Search, WebSearchSubject>("plinth.web-search");
const fetch = casesOf<Fetch, WebFetchSubject>("plinth.web-fetch");

/** What `plinth.web-search` asks of every service. */
export const webSearchConformance: readonly ConformanceCase<WebSearchSubject>[] = [
  search("finds, and gives no more than was asked for", async (web, { query }) => {
    assert.ok((await web.search({ query })).results.length >= 2);
    assert.equal((await web.search({ query, count: 1 })).results.length, 1);
  }),
  search("has titles and snippets without markup", async (web, { query }) => {
    for (const { title, snippet = "" } of (await web.search({ query })).results) assert.ok(!/<\/?[a-z][^>]*>/i.test(title + snippet), title);
  }),
  search(
    "refuses what its service does not have, and says which field",
    async (web, { query, lacks }) => {
      const error = await assertCodedFailure(web.search({ query, ...lacks }));
      assert.equal(error.code, "PLINTH_WEB_REQUEST");
      assert.ok(Object.keys(lacks ?? {}).includes(String((error as { details?: { param?: string } }).details?.param)));
    },
    ["lacks"],
  ),
  search("stops when it is cancelled", async (web, { query }) => {
    await assertCodedFailure(web.search({ query }, { signal: AbortSignal.abort() }));
  }),
];

/** What `plinth.web-fetch` asks of whoever reads pages. */
export const webFetchConformance: readonly ConformanceCase<WebFetchSubject>[] = [
  fetch("reads a page as text, in parts that fit together", async (web, { url }) => {
    const whole = await web.fetch({ url });
    assert.equal(whole.status, 200);
    assert.ok(whole.text.length > 200 && !/<script|<\/div>/i.test(whole.text));
    const first = await web.fetch({ url, maxChars: 100 });
    assert.equal(first.text.length, 100);
    assert.equal(first.chars, whole.chars);
    const rest = await web.fetch({ url, from: first.next! });
    assert.equal(first.text + rest.text, whole.text);
  }),
  fetch(
    "says where it ended up",
    async (web, { redirecting }) => {
      const { url, finalUrl } = await web.fetch({ url: redirecting! });
      assert.equal(url, redirecting);
      assert.notEqual(finalUrl, url);
    },
    ["redirecting"],
  ),
  fetch("gives what a server says with 404", async (web, { missing }) => assert.equal((await web.fetch({ url: missing! })).status, 404), ["missing"]),
  fetch("goes nowhere that it may not, by no road", async (web, { forbidden }) => assertCode(web.fetch({ url: forbidden! }), "PLINTH_WEB_ADDRESS"), [
    "forbidden",
  ]),
  fetch(
    "stops when it is cancelled",
    async (web, { slow }) => {
      const controller = new AbortController();
      const attempt = web.fetch({ url: slow! }, { signal: controller.signal });
      controller.abort();
      await assertCodedFailure(attempt);
    },
    ["slow"],
  ),
];
