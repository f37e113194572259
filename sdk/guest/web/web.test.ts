import type { Bridge, FetchRequest, SocketItem, SocketRequest } from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { describe, expect, it } from "vitest";
import { webGlobals } from "./index.ts";

const BASE = { Event, EventTarget, DOMException };

/** The facades over a bridge that answers with `answer`. */
function web(answer: Partial<Bridge>) {
  const globals = webGlobals(answer as Bridge, BASE) as unknown as {
    fetch: typeof fetch;
    Headers: typeof Headers;
    Request: typeof Request;
    Response: typeof Response;
    WebSocket: typeof WebSocket;
  };
  return globals;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("fetch", () => {
  const asked: FetchRequest[] = [];
  const {
    fetch: get,
    Headers: H,
    Request: R,
  } = web({
    async *fetch(request) {
      asked.push(request);
      yield { status: request.url.endsWith("/missing") ? 404 : 200, headers: { "content-type": "application/json", "x-two": "a, b" } };
      yield bytes('{"hé');
      yield bytes('llo":[1,2]}');
    },
  });

  it("gives status, headers and a body to be read once, as text, data or bytes", async () => {
    const answer = await get("https://a.example/x?y=1");
    expect([answer.status, answer.ok, answer.headers.get("Content-Type"), answer.url]).toEqual([
      200,
      true,
      "application/json",
      "https://a.example/x?y=1",
    ]);
    expect(await answer.json()).toEqual({ héllo: [1, 2] });
    await expect(answer.text()).rejects.toThrow(TypeError);
    expect(await (await get("https://a.example/missing")).text()).toBe('{"héllo":[1,2]}');
    expect((await get("https://a.example/missing")).ok).toBe(false);
    expect((await (await get("https://a.example")).arrayBuffer()).byteLength).toBe(16);
  });

  it("gives a body piece by piece", async () => {
    const pieces: string[] = [];
    const { body } = await get("https://a.example");
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) pieces.push(new TextDecoder().decode(piece));
    expect(pieces).toEqual(['{"hé', 'llo":[1,2]}']);
    const reader = (await get("https://a.example")).body?.getReader();
    expect((await reader?.read())?.value).toEqual(bytes('{"hé'));
  });

  it("sends method, headers and a body of each kind with its type", async () => {
    asked.length = 0;
    await get("https://a.example", { method: "post", body: "text", headers: { "X-One": "1" } });
    await get("https://a.example", { method: "PUT", body: Uint8Array.of(1, 2, 3) });
    await get(new R("https://a.example", { method: "POST", body: new URLSearchParams({ a: "b c" }) }));
    expect(asked).toMatchObject([
      { method: "POST", body: "text", headers: { "x-one": "1", "content-type": "text/plain;charset=UTF-8" } },
      { method: "PUT", body: "AQID", base64: true },
      { method: "POST", body: "YT1iK2M=", base64: true, headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" } },
    ]);
  });

  it("fails with the host's own errors, and with the reason of an aborted signal", async () => {
    const refused = web({
      // biome-ignore lint/correctness/useYield: it fails first
      async *fetch() {
        throw new PlinthError("PLINTH_PERMISSION", "a.example is not granted");
      },
    });
    await expect(refused.fetch("https://a.example")).rejects.toMatchObject({ code: "PLINTH_PERMISSION" });
    await expect(get("https://a.example", { signal: AbortSignal.abort("why") })).rejects.toBe("why");
    const gone = new AbortController();
    const hanging = web({
      async *fetch(_request, signal) {
        await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new PlinthError("PLINTH_ABORTED", "cancelled"))));
      },
    }).fetch("https://a.example", { signal: gone.signal });
    gone.abort("late");
    await expect(hanging).rejects.toBe("late");
  });

  it.each([
    ["a body with GET", () => get("https://a.example", { body: "x" })],
    ["an address that is none", () => get("nowhere")],
    ["redirects to be seen", () => get("https://a.example", { redirect: "manual" })],
  ])("refuses %s with a TypeError", async (_what, body) => {
    await expect(body()).rejects.toThrow(TypeError);
  });

  it("its headers are as in Node", () => {
    const same = (Kind: typeof Headers): unknown => {
      const all = new Kind([
        ["B", "2"],
        ["a", " 1 "],
        ["b", "3"],
      ]);
      all.set("C", "x");
      all.delete("a");
      return [[...all], all.get("B"), all.has("A"), [...all.keys()]];
    };
    expect(same(H)).toEqual(same(Headers));
    for (const [name, value] of [
      ["a b", "x"],
      ["", "x"],
      ["a", "x\r\ny: z"],
    ] as const) {
      expect(() => new H({ [name]: value })).toThrow(TypeError);
      expect(() => new Headers({ [name]: value })).toThrow(TypeError);
    }
  });

  it("its responses are as in Node", async () => {
    const same = async (Kind: typeof Response): Promise<unknown> => {
      const data = Kind.json({ a: 1 }, { status: 201 });
      return [data.status, data.headers.get("content-type"), await data.json(), await new Kind("x").text(), new Kind(null).body];
    };
    expect(await same(web({}).Response)).toEqual(await same(Response));
  });
});

describe("WebSocket", () => {
  interface Lab {
    socket: WebSocket;
    request: SocketRequest | null;
    sent: unknown[];
    give(item: SocketItem): void;
    fail(error: Error): void;
    events: string[];
  }

  function open(url = "wss://a.example/x", protocols?: string[]): Lab {
    const lab = { request: null, sent: [], events: [] } as unknown as Lab;
    const items: (SocketItem | Error)[] = [];
    let wake = (): void => {};
    lab.give = (item) => {
      items.push(item);
      wake();
    };
    lab.fail = (error) => {
      items.push(error);
      wake();
    };
    const { WebSocket: Kind } = web({
      async *socket(request, signal) {
        lab.request = request;
        for (;;) {
          const item = items.shift();
          if (item instanceof Error) throw item;
          if (item !== undefined) {
            yield item;
            if ("close" in item) return;
          } else
            await new Promise<void>((resolve, reject) => {
              wake = resolve;
              signal?.addEventListener("abort", () => reject(new PlinthError("PLINTH_ABORTED", "cancelled")));
            });
        }
      },
      socketSend: async (id, data) => void lab.sent.push([id, data]),
      async socketClose(id, code, reason) {
        lab.sent.push([id, "close", code, reason]);
        lab.give({ close: code ?? 1005, reason: reason ?? "" });
      },
    });
    const socket = new Kind(url, protocols);
    lab.socket = socket;
    for (const name of ["open", "message", "error", "close"]) {
      socket.addEventListener(name, (event) => {
        const { data, code } = event as unknown as { data?: unknown; code?: number };
        lab.events.push(
          [name, data instanceof ArrayBuffer ? [...new Uint8Array(data)].join() : data, code].filter((one) => one !== undefined).join(" "),
        );
      });
    }
    return lab;
  }

  it("opens, talks both ways in order, and closes", async () => {
    const lab = open("https://a.example/x", ["chat"]);
    expect([lab.socket.url, lab.socket.readyState]).toEqual(["wss://a.example/x", 0]);
    expect(() => lab.socket.send("early")).toThrow(expect.objectContaining({ name: "InvalidStateError" }));
    lab.give({ open: "s1", protocol: "chat" });
    await expect.poll(() => lab.socket.readyState).toBe(1);
    expect([lab.request, lab.socket.protocol]).toEqual([{ url: "wss://a.example/x", protocols: ["chat"] }, "chat"]);
    lab.socket.send("one");
    lab.socket.send(Uint8Array.of(1, 2));
    lab.give({ text: "hi" });
    lab.give({ binary: Uint8Array.of(7, 8) });
    await expect.poll(() => lab.socket.bufferedAmount).toBe(0);
    lab.socket.close(3001, "done");
    expect(lab.socket.readyState).toBe(2);
    await expect.poll(() => lab.socket.readyState).toBe(3);
    expect(lab.sent).toEqual([
      ["s1", "one"],
      ["s1", Uint8Array.of(1, 2)],
      ["s1", "close", 3001, "done"],
    ]);
    expect(lab.events).toEqual(["open", "message hi", "message 7,8", "close 3001"]);
  });

  it("tells a failure as an error and a close that was not clean", async () => {
    const lab = open();
    const seen = new Promise<unknown>((resolve) => lab.socket.addEventListener("error", (event) => resolve((event as ErrorEvent).error)));
    lab.fail(new PlinthError("PLINTH_NET", "unreachable"));
    expect(await seen).toMatchObject({ code: "PLINTH_NET" });
    await expect.poll(() => lab.events).toEqual(["error", "close 1006"]);
  });

  it("can be closed before it is open", async () => {
    const lab = open();
    lab.socket.close();
    await expect.poll(() => lab.socket.readyState).toBe(3);
    expect(lab.events.at(-1)).toBe("close 1006");
  });

  it.each([
    ["an address of another kind", "ftp://a.example", undefined, "SyntaxError"],
    ["a fragment", "wss://a.example/#x", undefined, "SyntaxError"],
    ["a protocol twice", "wss://a.example", ["a", "a"], "SyntaxError"],
  ])("refuses %s as Node does", (_what, url, protocols, name) => {
    expect(() => open(url, protocols)).toThrow(expect.objectContaining({ name }));
  });

  it("refuses codes that are not its own to give", () => {
    expect(() => open().socket.close(1001)).toThrow(expect.objectContaining({ name: "InvalidAccessError" }));
    expect(() => open().socket.close(3000, "x".repeat(124))).toThrow(expect.objectContaining({ name: "SyntaxError" }));
  });
});
