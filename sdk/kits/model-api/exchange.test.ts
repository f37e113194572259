import { describe, expect, it, vi } from "vitest";
import type { FetchOptions, FetchResponse, ModelEvent } from "../../extension/index.ts";
import { type AnswerReader, Exchange, LineParser, replay } from "./index.ts";

const response = (body: string | AsyncIterable<Uint8Array>, headers: Record<string, string> = {}, status = 200): FetchResponse => {
  const chunks = typeof body === "string" ? replay(body, { longest: 5 }) : body;
  const text = async () => {
    let all = "";
    for await (const chunk of chunks) all += new TextDecoder().decode(chunk);
    return all;
  };
  return { status, ok: status < 300, headers, body: chunks, text, json: async () => JSON.parse(await text()) };
};

/** Says what it takes; the event `end` makes an answer whole. */
const echo = (): AnswerReader & { finish(): Iterable<ModelEvent> } => {
  let done = false;
  return {
    get done() {
      return done;
    },
    take(data, out) {
      if (data === "end") done = true;
      else out.push({ type: "text", delta: data });
    },
    *finish() {
      yield { type: "end", reason: done ? "stop" : "length" };
    },
  };
};

function exchange(answered: FetchResponse | Error, signal = new AbortController().signal) {
  const asked: { url: string; options: FetchOptions }[] = [];
  const fetch = async (url: string, options: FetchOptions = {}) => {
    asked.push({ url, options });
    if (answered instanceof Error) throw answered;
    return answered;
  };
  return { asked, made: new Exchange({ fetch, title: "Acme", signal }) };
}

async function said(answered: FetchResponse, options?: Parameters<Exchange["answer"]>[2]): Promise<unknown[]> {
  const { made } = exchange(answered);
  const items: unknown[] = [];
  for await (const item of made.answer(await made.post("https://a.example", {}, "{}"), echo(), options)) items.push(item);
  return items;
}

const events = "data: a\n\ndata: b\n\ndata: end\n\ndata: c\n\n";

describe("an exchange with a model's server", () => {
  it("tells what a good answer says of the server's limits, once it is whole", async () => {
    const headers = { "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59" };
    expect(await said(response("data: hi\n\ndata: end\n\n", headers))).toEqual([
      { type: "text", delta: "hi" },
      { type: "limits", limits: [{ of: "requests", limit: 60, left: 59 }] },
      { type: "end", reason: "stop" },
    ]);
  });

  it("reads a stream until the answer is whole, and lines where they are wanted", async () => {
    const whole = [
      { type: "text", delta: "a" },
      { type: "text", delta: "b" },
      { type: "end", reason: "stop" },
    ];
    expect(await said(response(events))).toEqual(whole);
    expect(await said(response("a\nb\nend"), { parser: new LineParser() })).toEqual(whole);
    expect(await said(response("data: a\n\n"))).toEqual([
      { type: "text", delta: "a" },
      { type: "end", reason: "length" },
    ]);
  });

  it("takes a whole answer, and refuses a page", async () => {
    expect(await said(response("x", { "content-type": "application/json; charset=utf-8" }))).toEqual([
      { type: "text", delta: "x" },
      { type: "end", reason: "length" },
    ]);
    await expect(said(response("<html>", { "content-type": "text/html" }))).rejects.toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      details: { retryable: false },
    });
  });

  it("sends a conversation to the server that was named alone, wherever that leads", async () => {
    const moved = (location: string) => exchange(response("", { location }, 307));
    const away = moved("https://b.example/v1");
    await expect(away.made.post("https://a.example/v1", { authorization: "k" }, "{}")).rejects.toMatchObject({
      code: "PLINTH_MODEL_STREAM",
      message: expect.stringContaining("leads to https://b.example"),
      details: { retryable: false },
    });
    expect(away.asked.map(({ url }) => url)).toEqual(["https://a.example/v1"]);
    const round = moved("/v1/");
    await expect(round.made.post("https://a.example/v1", { authorization: "k" }, "{}")).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(round.asked.map(({ url, options }) => [url, options.method, options.headers?.authorization])).toEqual([
      ["https://a.example/v1", "POST", "k"],
      ...Array.from({ length: 3 }, () => ["https://a.example/v1/", "POST", "k"]),
    ]);
  });

  it.each<[string, (made: Exchange) => Promise<unknown>]>([
    ["what is to be said", (made) => made.ask("https://a.example/v1", { method: "POST", headers: { key: "k" }, body: "Hello." })],
    ["what is to be kept", (made) => made.json("https://a.example/v1", { key: "k" }, '{"input":"Private."}')],
    ["a question of what there is", (made) => made.json("https://a.example/v1", { key: "k" })],
  ])("asks nobody but the server %s", async (_, ask) => {
    for (const location of ["https://b.example/v1", "http://a.example/v1", "http://127.0.0.1:8100/", "file:///etc/passwd"]) {
      const { made, asked } = exchange(response("", { location }, 307));
      await expect(ask(made)).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM", details: { retryable: false } });
      expect(asked.map(({ url, options }) => [url, options.redirect])).toEqual([["https://a.example/v1", "manual"]]);
    }
  });

  it.each([
    "https://a.example/v1/voices/../keys",
    "https://a.example/v1/models/..",
    "https://a.example/v1/%2E%2e/x?y=1",
    "https://a.example/v1\\..\\x",
  ])("is had about nothing whose name leads out of where it stands: %s", async (url) => {
    const { made, asked } = exchange(response("{}"));
    for (const ask of [() => made.json(url, {}), () => made.post(url, {}, "{}"), () => made.ask(url, {})])
      await expect(ask()).rejects.toMatchObject({ code: "PLINTH_MODEL_UNKNOWN", details: { retryable: false } });
    expect(asked).toEqual([]);
    for (const good of ["https://a.example/v1/m.1/..x?to=../y", "https://a.example/v1/...", "https://a.example/v1/a..b/c"]) await made.ask(good, {});
    expect(asked).toHaveLength(3);
  });

  it("is not sent twice where the server says that its answer lies elsewhere", async () => {
    const { made, asked } = exchange(response("", { location: "/done" }, 303));
    await expect(made.ask("https://a.example/v1", { method: "POST", body: "Hello." })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(asked.map(({ options }) => [options.method, options.body])).toEqual([["POST", "Hello."], ...Array(3).fill([undefined, undefined])]);
  });

  it("says what the server or the network said instead", async () => {
    const refusing = exchange(response('{"error":{"message":"slow"}}', { "retry-after": "2" }, 429));
    await expect(refusing.made.post("https://a.example", {}, "{}")).rejects.toMatchObject({
      code: "PLINTH_MODEL_RATE",
      message: "Acme answered 429: slow",
      details: { retryAfterMs: 2_000 },
    });
    await expect(exchange(new Error("no route")).made.json("https://a.example", {})).rejects.toMatchObject({
      code: "PLINTH_MODEL_NETWORK",
      message: "Acme cannot be reached: no route",
    });
    await expect(exchange(response("<")).made.json("https://a.example", {})).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
  });

  it("is cut where its body breaks, and ends the request of a reader who leaves", async () => {
    const end = vi.fn(async () => ({ done: true as const, value: undefined }));
    const broken = (after: number): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          if (after-- <= 0) throw new Error("reset");
          return { done: false, value: new TextEncoder().encode("data: a\n\n") };
        },
        return: end,
      }),
    });
    await expect(said(response(broken(2)))).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM", message: "The answer of Acme was cut: reset" });
    expect(end).toHaveBeenCalledTimes(1);
    const { made } = exchange(response(broken(9)));
    for await (const _ of made.answer(await made.post("https://a.example", {}, "{}"), echo())) break;
    expect(end).toHaveBeenCalledTimes(2);
  });

  it("sends the endpoint's headers over its own", async () => {
    const { asked, made } = exchange(response('{"a":1}'));
    expect(await made.json("https://a.example/x", { accept: "text/x", key: "k" }, "{}")).toEqual({ a: 1 });
    expect(asked[0]).toMatchObject({
      url: "https://a.example/x",
      options: { method: "POST", body: "{}", headers: { accept: "text/x", key: "k", "content-type": "application/json" } },
    });
  });
});
