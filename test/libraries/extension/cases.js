import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import Ajv from "ajv";
import axios from "axios";
import * as cheerio from "cheerio";
import { addDays, format } from "date-fns";
import dayjs from "dayjs";
import Decimal from "decimal.js";
import { decodeHTML } from "entities";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { XMLBuilder, XMLParser } from "fast-xml-parser";
import { gunzipSync, gzipSync, strFromU8, strToU8 } from "fflate";
import Handlebars from "handlebars";
import * as he from "he";
import { produce } from "immer";
import { base64url, jwtVerify, SignJWT } from "jose";
import JSZip from "jszip";
import ky from "ky";
import { parseHTML } from "linkedom";
import { chunk, groupBy } from "lodash-es";
import { LRUCache } from "lru-cache";
import { DateTime } from "luxon";
import MarkdownIt from "markdown-it";
import { marked } from "marked";
import mime from "mime";
import ms from "ms";
import Mustache from "mustache";
import { customAlphabet, nanoid } from "nanoid";
import OpenAI from "openai";
import PQueue from "p-queue";
import Papa from "papaparse";
import protobuf from "protobufjs";
import qs from "qs";
import { createElement } from "react";
import { renderToReadableStream, renderToStaticMarkup } from "react-dom/server";
import { lastValueFrom, map, of, toArray } from "rxjs";
import sanitizeHtml from "sanitize-html";
import semver from "semver";
import { decodeTime, ulid } from "ulid";
import { v4, v5, validate } from "uuid";
import * as v from "valibot";
import YAML from "yaml";
import { z } from "zod";

const HTML = '<ul><li class="a">one &amp; only</li><li>two</li></ul><script>alert(1)</script>';
const answering =
  (body, type = "application/json") =>
  async () =>
    new Response(body, { headers: { "content-type": type } });

/** A use of each library by the name that it is installed under, and what has to come out of it. */
export const cases = {
  "@noble/hashes": [() => bytesToHex(sha256(new TextEncoder().encode("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ajv: [
    () => {
      const check = new Ajv().compile({ type: "object", properties: { n: { type: "integer" } }, required: ["n"] });
      return [check({ n: 1 }), check({ n: "x" }), check.errors?.[0].message];
    },
    [true, false, "must be integer"],
  ],
  axios: [
    async () => {
      const client = axios.create({ adapter: "fetch", env: { fetch: answering('{"a":[1]}'), Request, Response } });
      const { status, data } = await client.post("https://a.example/x", { b: 2 });
      return [status, data];
    },
    [200, { a: [1] }],
  ],
  cheerio: [
    () => {
      const $ = cheerio.load(HTML);
      $("li").first().addClass("b");
      return [$("li").length, $("li.a.b").text(), $.html($("li").last())];
    },
    [2, "one & only", "<li>two</li>"],
  ],
  "date-fns": [() => format(addDays(new Date(2026, 1, 27), 3), "EEEE, d MMMM yyyy"), "Monday, 2 March 2026"],
  dayjs: [() => dayjs("2026-02-27").add(2, "month").format("YYYY-MM-DD dddd"), "2026-04-27 Monday"],
  "decimal.js": [() => new Decimal("0.1").plus("0.2").times("1e30").toFixed(), "300000000000000000000000000000"],
  entities: [() => decodeHTML("&lt;caf&eacute; &#x1F600;&gt;"), "<café 😀>"],
  "eventsource-parser": [
    async () => {
      const bytes = new Blob(['event: a\ndata: {"x":1}\n\n', "data: é\n\n"]).stream();
      const events = [];
      for await (const { event, data } of bytes.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()))
        events.push([event ?? null, data]);
      return events;
    },
    [
      ["a", '{"x":1}'],
      [null, "é"],
    ],
  ],
  "fast-xml-parser": [
    () => {
      const data = new XMLParser({ ignoreAttributes: false }).parse('<a><b id="1">x</b><b id="2">y</b></a>');
      return [data.a.b.map((one) => one["@_id"]), new XMLBuilder().build({ a: { c: 3 } })];
    },
    [["1", "2"], "<a><c>3</c></a>"],
  ],
  fflate: [() => strFromU8(gunzipSync(gzipSync(strToU8("Plinth ".repeat(1000))))).length, 7000],
  handlebars: [() => Handlebars.compile("{{#each all}}{{@index}}:{{this}} {{/each}}")({ all: ["a", "<b>"] }), "0:a 1:&lt;b&gt; "],
  he: [() => he.decode(he.encode("© <π>")), "© <π>"],
  immer: [
    () => {
      const before = { list: [{ done: false }] };
      const after = produce(before, (draft) => void (draft.list[0].done = true));
      return [before.list[0].done, after.list[0].done, Object.isFrozen(after)];
    },
    [false, true, true],
  ],
  jose: [
    async () => {
      const key = new TextEncoder().encode("a key of thirty-two bytes, at least");
      const token = await new SignJWT({ sub: "me" }).setProtectedHeader({ alg: "HS256" }).sign(key);
      const { payload } = await jwtVerify(token, key);
      return [payload, JSON.parse(new TextDecoder().decode(base64url.decode(token.split(".")[0])))];
    },
    [{ sub: "me" }, { alg: "HS256" }],
  ],
  jszip: [
    async () => {
      const zip = new JSZip().file("a/b.txt", "é".repeat(500));
      const packed = await zip.generateAsync({ type: "uint8array", compression: "DEFLATE" });
      const read = await JSZip.loadAsync(packed);
      return [packed.length < 300, (await read.file("a/b.txt").async("string")).length];
    },
    [true, 500],
  ],
  ky: [
    async () => {
      const asked = [];
      const fetch = async (request) => {
        asked.push(request.method, await request.text(), request.headers.get("content-type"));
        return new Response('{"ok":true}');
      };
      return [await ky.post("https://a.example/", { json: { a: 1 }, fetch }).json(), asked];
    },
    [{ ok: true }, ["POST", '{"a":1}', "application/json"]],
  ],
  linkedom: [
    () => {
      const { document } = parseHTML(`<html><body>${HTML}</body></html>`);
      document.querySelector("li").textContent = "1 < 2";
      return document.querySelector("ul").innerHTML;
    },
    '<li class="a">1 &lt; 2</li><li>two</li>',
  ],
  "lodash-es": [() => [chunk([1, 2, 3], 2), groupBy([1.2, 1.8, 2.1], Math.floor)], [[[1, 2], [3]], { 1: [1.2, 1.8], 2: [2.1] }]],
  "lru-cache": [
    () => {
      const cache = new LRUCache({ max: 2, ttl: 60_000 });
      for (const key of ["a", "b", "a", "c"]) cache.get(key) ?? cache.set(key, key);
      return [...cache.keys()];
    },
    ["c", "a"],
  ],
  luxon: [
    () => DateTime.fromISO("2026-03-29T00:30:00Z").setZone("Europe/Berlin").plus({ hours: 1 }).setLocale("de").toLocaleString(DateTime.DATETIME_FULL),
    "29. März 2026 um 03:30 MESZ",
  ],
  "markdown-it": [() => new MarkdownIt().render("# A *b*\n\n- c"), "<h1>A <em>b</em></h1>\n<ul>\n<li>c</li>\n</ul>\n"],
  marked: [
    () => marked.parse("| a |\n|---|\n| **b** |"),
    "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody><tr>\n<td><strong>b</strong></td>\n</tr>\n</tbody></table>\n",
  ],
  mime: [() => [mime.getType("a.tar.gz"), mime.getExtension("text/html")], ["application/gzip", "html"]],
  ms: [() => [ms("2 days"), ms(90_000)], [172_800_000, "2m"]],
  mustache: [() => Mustache.render("{{#all}}{{.}},{{/all}}{{{raw}}}", { all: [1, 2], raw: "<b>" }), "1,2,<b>"],
  nanoid: [() => [nanoid().length, /^[ab]{9}$/.test(customAlphabet("ab", 9)())], [21, true]],
  openai: [
    async () => {
      const lines = ["Hel", "lo"].map((content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      const fetch = answering(`${lines.join("")}data: [DONE]\n\n`, "text/event-stream");
      const client = new OpenAI({ apiKey: "k", baseURL: "https://a.example/v1", dangerouslyAllowBrowser: true, fetch });
      let said = "";
      const stream = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true });
      for await (const { choices } of stream) said += choices[0].delta.content;
      return said;
    },
    "Hello",
  ],
  "p-queue": [
    async () => {
      const queue = new PQueue({ concurrency: 1 });
      const order = [];
      await Promise.all([3, 1, 2].map((n) => queue.add(async () => order.push(n), { priority: n })));
      return order;
    },
    [3, 2, 1],
  ],
  papaparse: [
    () => [Papa.parse('a,b\n1,"x,y"\n', { header: true, skipEmptyLines: true }).data, Papa.unparse([["a", 'b"c']])],
    [[{ a: "1", b: "x,y" }], 'a,"b""c"'],
  ],
  protobufjs: [
    () => {
      const { root } = protobuf.parse('syntax = "proto3"; message M { string name = 1; repeated int32 all = 2; }');
      const Message = root.lookupType("M");
      const bytes = Message.encode({ name: "né", all: [1, 300] }).finish();
      return [bytes.length, Message.toObject(Message.decode(bytes))];
    },
    [10, { name: "né", all: [1, 300] }],
  ],
  qs: [() => [qs.parse("a[b][]=1&a[b][]=2"), qs.stringify({ a: { b: "ü" } })], [{ a: { b: ["1", "2"] } }, "a%5Bb%5D=%C3%BC"]],
  "react-dom": [
    async () => {
      const element = createElement("p", { title: "a" }, "x < y");
      return [renderToStaticMarkup(element), await new Response(await renderToReadableStream(element)).text()];
    },
    ['<p title="a">x &lt; y</p>', '<p title="a">x &lt; y</p>'],
  ],
  rxjs: [
    () =>
      lastValueFrom(
        of(1, 2, 3).pipe(
          map((n) => n * 2),
          toArray(),
        ),
      ),
    [2, 4, 6],
  ],
  "sanitize-html": [() => sanitizeHtml(`${HTML}<a href="javascript:x" onclick="y">z</a>`), "<ul><li>one &amp; only</li><li>two</li></ul><a>z</a>"],
  semver: [() => [semver.satisfies("1.4.2", "^1.3"), semver.inc("1.2.3", "minor")], [true, "1.3.0"]],
  ulid: [() => decodeTime(ulid(1_700_000_000_000)), 1_700_000_000_000],
  uuid: [() => [validate(v4()), v5("a", v5.URL)], [true, "e1407479-3136-56c0-9908-bb02fb0339e2"]],
  valibot: [
    () => v.safeParse(v.object({ a: v.pipe(v.string(), v.email()) }), { a: "x" }).issues.map(({ message }) => message),
    ['Invalid email: Received "x"'],
  ],
  yaml: [() => [YAML.parse("a: &x [1, 2]\nb: *x\n"), YAML.stringify({ a: [true, null] })], [{ a: [1, 2], b: [1, 2] }, "a:\n  - true\n  - null\n"]],
  zod: [
    () => {
      const Shape = z.object({ a: z.coerce.number(), b: z.url().optional() });
      return [Shape.parse({ a: "7" }), Shape.safeParse({ a: 1, b: "x" }).error.issues.map(({ path }) => path)];
    },
    [{ a: 7 }, [["b"]]],
  ],
};
