import { describe, expect, it } from "vitest";
import type { FetchOptions, FetchResponse } from "../../extension/index.ts";
import { Exchange, mediaTypeOf, replay, resultBytes, resultPart } from "./index.ts";

const film = (length = 64): Uint8Array => {
  const bytes = new Uint8Array(length).fill(7);
  bytes.set(new TextEncoder().encode("ftypisom"), 4);
  return bytes;
};

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: Uint8Array | AsyncIterable<Uint8Array>;
}

/** A network of so many addresses, and a store of artifacts. */
function world(answers: Record<string, Answer>) {
  const asked: { url: string; headers: unknown }[] = [];
  const kept: { base64: string; mimeType: string; more: boolean }[] = [];
  const fetch = async (url: string, { headers }: FetchOptions = {}): Promise<FetchResponse> => {
    asked.push({ url, headers });
    const { status = 200, headers: said = {}, body = film() } = answers[url] ?? { status: 404, body: new Uint8Array() };
    const pieces = body instanceof Uint8Array ? replay(body, { longest: 10 }) : body;
    return { status, ok: status === 200, headers: said, body: pieces } as unknown as FetchResponse;
  };
  const put = async ({ base64, mimeType, more = false }: { base64: string; mimeType: string; more?: boolean }) => {
    kept.push({ base64, mimeType, more });
    const bytes = Buffer.concat(kept.map((one) => Buffer.from(one.base64, "base64"))).length;
    return more ? { upload: "u" } : { artifact: { id: "a1", bytes } };
  };
  const { signal } = new AbortController();
  const options = {
    ...{ title: "Acme", server: "https://api.acme.example/v1", hosts: ["*.files.example"], max: 5_000_000, signal },
    headers: { authorization: "Bearer k" },
    artifacts: () => ({ put }) as never,
    exchange: new Exchange({ fetch, title: "Acme", signal }),
  };
  return { asked, kept, made: (url: string, more: object = {}) => resultPart("video", url, { ...options, ...more }), options };
}
const CDN = "https://cdn.files.example/x.mp4";

describe("what a server made", () => {
  it("is fetched from a declared host without the key, and from the server itself with it", async () => {
    const own = "https://api.acme.example/v1/files/1";
    const { made, asked } = world({ [CDN]: {}, [own]: {} });
    const part = { type: "video", mimeType: "video/mp4", bytes: 64, base64: Buffer.from(film()).toString("base64") };
    expect(await made(CDN)).toEqual(part);
    expect(await made(own)).toEqual(part);
    expect(await made("files/1")).toEqual(part);
    expect(asked).toEqual([
      { url: CDN, headers: {} },
      { url: own, headers: { authorization: "Bearer k" } },
      { url: own, headers: { authorization: "Bearer k" } },
    ]);
  });

  it.each([
    "https://elsewhere.example/x.mp4",
    "https://files.example.evil.example/x.mp4",
    "http://cdn.files.example/x.mp4",
    "https://user@cdn.files.example/x.mp4",
    "https://cdn.files.example:8443/x.mp4",
    "https://127.0.0.1/x.mp4",
    "http://169.254.169.254/latest",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://",
  ])("is fetched from nowhere else: %s", async (url) => {
    const { made, asked } = world({});
    await expect(made(url)).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM", details: { retryable: false } });
    expect(asked).toEqual([]);
  });

  it("may be led to another declared host, without the key, and to no private address", async () => {
    const own = "https://api.acme.example/v1/content";
    const moved = (location: string): Answer => ({ status: 302, headers: { location } });
    const { made, asked } = world({ [own]: moved(CDN), [CDN]: {} });
    expect(await made(own)).toMatchObject({ bytes: 64 });
    expect(asked[1]).toEqual({ url: CDN, headers: {} });
    for (const location of ["http://127.0.0.1/x", "https://10.0.0.1/x", "https://evil.example/"])
      await expect(world({ [CDN]: moved(location) }).made(CDN)).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    const round = world({ [CDN]: moved(CDN) });
    await expect(round.made(CDN)).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(round.asked).toHaveLength(4);
  });

  it("is kept while it comes where it is long, in pieces that a store takes", async () => {
    const { made, kept } = world({ [CDN]: { body: replay(film(4_500_000), { longest: 700_000 }) } });
    expect(await made(CDN)).toEqual({ type: "video", mimeType: "video/mp4", bytes: 4_500_000, artifact: "a1" });
    expect(kept.map(({ more, mimeType }) => [more, mimeType])).toEqual([
      [true, "video/mp4"],
      [true, "video/mp4"],
      [false, "video/mp4"],
    ]);
    const whole = Buffer.concat(kept.map(({ base64 }) => Buffer.from(base64, "base64")));
    expect(whole.equals(film(4_500_000))).toBe(true);
  });

  it("is nothing where it is too large, cut, empty, or another medium", async () => {
    const failing = async (body: Answer["body"], more: object = {}) =>
      world({ [CDN]: { body: body! } })
        .made(CDN, more)
        .then(
          () => "made",
          ({ code, details }) => [code, details.retryable],
        );
    async function* cut() {
      yield film();
      throw new Error("terminated");
    }
    expect(await failing(film(100), { max: 99 })).toEqual(["PLINTH_MODEL_STREAM", false]);
    expect(await failing(cut())).toEqual(["PLINTH_MODEL_STREAM", true]);
    expect(await failing(new Uint8Array())).toEqual(["PLINTH_MODEL_STREAM", false]);
    expect(await failing(new TextEncoder().encode("<html>not a film</html>"))).toEqual(["PLINTH_MODEL_STREAM", false]);
  });

  it("may stand in the address itself", async () => {
    const { made, options, asked } = world({});
    const url = `data:video/mp4;base64,${Buffer.from(film()).toString("base64")}`;
    expect(await made(url)).toMatchObject({ bytes: 64 });
    expect(Buffer.from(await resultBytes(url, options)).equals(film())).toBe(true);
    await expect(made(url, { max: 20 })).rejects.toMatchObject({ code: "PLINTH_MODEL_STREAM" });
    expect(asked).toEqual([]);
  });

  it("is told by its first bytes", () => {
    const bytes = (head: string) => new Uint8Array(Buffer.from(`${head}\0\0\0\0\0\0\0\0`, "latin1"));
    expect(mediaTypeOf("image", bytes("\x89PNG"), "Acme")).toBe("image/png");
    expect(mediaTypeOf("image", bytes("RIFF\0\0\0\0WEBP"), "Acme")).toBe("image/webp");
    expect(mediaTypeOf("audio", bytes("RIFF\0\0\0\0WAVE"), "Acme")).toBe("audio/wav");
    expect(mediaTypeOf("audio", bytes("\xff\xfb\x90"), "Acme")).toBe("audio/mpeg");
    expect(mediaTypeOf("audio", bytes("\0\0\0\x20ftypisom"), "Acme")).toBe("audio/mp4");
    for (const head of ["\xff\xd8\xff", "\xff\xf1", ""]) expect(() => mediaTypeOf("audio", bytes(head), "Acme")).toThrow("no sound");
  });
});
