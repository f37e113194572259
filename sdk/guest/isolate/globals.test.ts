import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNode, TestGuest } from "./guest.testing.ts";

let guest: TestGuest;
beforeAll(async () => {
  guest = await TestGuest.start();
});
afterAll(() => guest.stop());

/** Errors as their names: the texts are each engine's own. */
const tried = (expression: string): string =>
  `await (async () => { try { return ${expression}; } catch (thrown) { return "throws " + (thrown.name ?? thrown); } })()`;

/** Each gives the same in the isolate as in Node. */
const alike: Record<string, string[]> = {
  "TextEncoder and TextDecoder": [
    `[...new TextEncoder().encode("aé€🎲\\ud800")]`,
    `new TextEncoder().encoding`,
    `new TextDecoder().decode(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61]))`,
    `new TextDecoder("utf8", { ignoreBOM: true }).decode(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61])).length`,
    `new TextDecoder().decode(Uint8Array.from([0x61, 0xc3, 0x28, 0xff, 0xe2, 0x82]))`,
    `new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from([0xff]))`,
    `new TextDecoder("utf-99")`,
    `(() => { const one = new TextDecoder(); return one.decode(Uint8Array.from([0xe2, 0x82]), { stream: true }) + one.decode(Uint8Array.from([0xac])); })()`,
    `new TextDecoder().decode(new Uint8Array([97, 98, 99]).buffer)`,
  ],
  "encodings and their streams": [
    `new TextDecoder("windows-1252").decode(Uint8Array.of(0x80, 0xe9, 0x41))`,
    `[new TextDecoder("latin1").encoding, new TextDecoder(" KOI8-R ").decode(Uint8Array.of(0xf0, 0xd2))]`,
    `new TextDecoder("utf-16le").decode(Uint8Array.of(0xff, 0xfe, 0x3c, 0xd8, 0xb2, 0xdf, 0x41))`,
    `(() => { const one = new TextDecoder("utf-16be"); return [one.decode(Uint8Array.of(0xd8), { stream: true }), one.decode(Uint8Array.of(0x3c, 0xdf), { stream: true }), one.decode(Uint8Array.of(0xb2))]; })()`,
    `new TextDecoder("utf-16le", { fatal: true }).decode(Uint8Array.of(0x3c, 0xd8))`,
    `(() => { const into = new Uint8Array(6); return [new TextEncoder().encodeInto("aé🎲x", into), [...into]]; })()`,
    `new TextDecoder().decode(new TextEncoder().encode("ä🎲".repeat(9000) + "\ud800")).length`,
    `(await new Response(new Blob(["é", "🎲"]).stream().pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text())`,
  ],
  "blobs and forms": [
    `(() => { const b = new Blob(["ab", Uint8Array.of(99), new Blob(["d"])], { type: "Text/Plain" }); return [b.size, b.type, b.slice(1, -1, "x").size, String(b)]; })()`,
    `[await new Blob(["héllo"]).text(), await new Blob(["abcdef"]).slice(-3).text(), [...new Uint8Array(await new Blob(["a"]).arrayBuffer())]]`,
    `(() => { const f = new File(["x"], "a.txt", { type: "text/plain", lastModified: 5 }); return [f.name, f.lastModified, f.size, f instanceof Blob, structuredClone(f).name]; })()`,
    `new Blob("text")`,
    `(() => { const f = new FormData(); f.append("a", "1"); f.append("a", "2"); f.set("b", new Blob(["x"]), "n.txt"); f.delete("c"); return [[...f.keys()], f.getAll("a"), f.get("b").name, f.has("c")]; })()`,
    `(await (async () => { const f = new FormData(); f.append("a", "1 2"); f.append("f", new File(["bytes"], 'q"x.bin')); const back = await new Response(f).formData(); return [back.get("a"), back.get("f").name, back.get("f").type, await back.get("f").text()]; })())`,
    `(await new Response(new URLSearchParams({ a: "b c" })).formData()).get("a")`,
    `new Response("x").formData().then(() => "done", (thrown) => thrown.name)`,
  ],
  "streams and bodies": [
    `(await (async () => { const all = []; for await (const one of new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close(); } })) all.push(one); return all; })())`,
    `(await (async () => { const out = []; const s = new ReadableStream({ pull(c) { c.enqueue("a"); c.close(); } }); await s.pipeThrough(new TransformStream({ transform: (x, c) => c.enqueue(x + "!") })).pipeTo(new WritableStream({ write: (x) => void out.push(x) })); return [out, s.locked]; })())`,
    `(await (async () => { const [a, b] = new Response("twice").body.tee(); return [await new Response(a).text(), await new Response(b).text()]; })())`,
    `(await (async () => { const r = new Response("abc"); const c = r.clone(); return [await r.text(), await c.text(), r.bodyUsed, r.body.locked]; })())`,
    `(await (async () => { const r = new Response("abc"); const reader = r.body.getReader(); const got = await reader.read(); return [[...got.value], (await reader.read()).done, r.bodyUsed]; })())`,
    `(await (async () => { const r = new Response("abc"); await r.text(); r.clone(); })())`,
    `(await (async () => { const b = await new Response("x", { headers: { "content-type": "a/b" } }).blob(); return [b.type, b.size]; })())`,
    `[Response.error().type, Response.redirect("https://a.example/x", 307).headers.get("location"), new Response(null, { status: 204 }).ok]`,
    `new Response("x", { status: 204 })`,
    `(await (async () => { const r = new Request("https://a.example/", { method: "post", body: new Blob(["b"], { type: "c/d" }) }); return [r.method, r.headers.get("content-type"), await r.clone().text(), await r.text()]; })())`,
    `new Request("https://u:p@a.example/")`,
    `(await new Promise((done) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = ({ data }) => done(data); port1.postMessage({ a: new Map([[1, 2]]).size }); }))`,
  ],
  "atob and btoa": [
    `btoa("héllo")`,
    `btoa("")`,
    `btoa("€")`,
    `atob(" aGk= ")`,
    `atob("aGk")`,
    `atob("a")`,
    `atob("a*b=")`,
    `[...atob("gICA")].map((one) => one.charCodeAt(0))`,
  ],
  structuredClone: [
    `structuredClone({ a: [1, { b: undefined }], date: new Date(5), re: /x/gi, n: 5n > 4n })`,
    `structuredClone(new Map([[{ k: 1 }, new Set([1, 2])]])).size`,
    `(() => { const a = { name: "a" }; a.self = a; const b = structuredClone(a); return [b.self === b, b !== a]; })()`,
    `structuredClone(() => {})`,
    `structuredClone({ s: Symbol("x") })`,
    `structuredClone(Promise.resolve())`,
    `[...structuredClone(Uint8Array.of(1, 2, 3).subarray(1))]`,
    `(() => { const e = structuredClone(new TypeError("no")); return [e.name, e.message, e instanceof Error]; })()`,
    `structuredClone(Object.create({ inherited: 1 }, { own: { value: 2, enumerable: true }, hidden: { value: 3 } }))`,
    `(() => { const b = new ArrayBuffer(4); const c = structuredClone({ v: new Uint8Array(b, 1, 2) }, { transfer: [b] }); return [b.byteLength, c.v.length, c.v.buffer.byteLength]; })()`,
    `structuredClone(1, { transfer: [{}] })`,
    `[typeof structuredClone(Object(5n)), structuredClone(new RangeError("x")) instanceof RangeError, structuredClone(new DOMException("a", "AbortError")).code]`,
  ],
  "URL and URLSearchParams": [
    `[...new URLSearchParams("a=%FE%41&b=%ef%bb%bfx")].map(String)`,
    `new URLSearchParams([["a"]])`,
    `(() => { const u = new URL("https://a.example"); u.href = "nonsense"; })()`,
    `new URL("../b?q=1#h", "https://Example.com:443/x/a/").href`,
    `new URL("not an address")`,
    `URL.canParse("/x")`,
    `URL.parse("x:") === null`,
    `(() => { const u = new URL("http://u:p@h.example:81/p?a=1&a=2&b=%20+#f"); return ["href","origin","protocol","username","password","host","hostname","port","pathname","search","hash"].map((one) => u[one]); })()`,
    `(() => { const u = new URL("http://h.example/?a=1"); u.searchParams.append("b", "ü &"); u.searchParams.delete("a"); u.port = "99"; u.hash = "x"; u.protocol = "https"; return [u.href, JSON.stringify(u)]; })()`,
    `(() => { const u = new URL("http://h.example/?a=1"); u.search = "?z=9"; return [u.searchParams.get("z"), u.searchParams.get("a")]; })()`,
    `[...new URLSearchParams("?a=1&b=2&a=3&c&=d&e=%zz&f=+%20")].map(String)`,
    `(() => { const p = new URLSearchParams({ b: "2", a: "1" }); p.append("a", "0"); p.sort(); p.set("b", "x y~!'()"); return [p.toString(), p.size, p.has("a", "0"), p.getAll("a")]; })()`,
    `new URLSearchParams([["a", "1"], ["b", "é"]]).toString()`,
    `new URL("http://bücher.example/ä ö?ü#ß").href`,
  ],
  "AbortController and events": [
    `(() => { const c = new AbortController(); const seen = []; c.signal.addEventListener("abort", (e) => seen.push(e.type)); c.signal.onabort = () => seen.push("on"); c.abort("why"); c.abort("again"); return [seen.sort(), c.signal.aborted, c.signal.reason]; })()`,
    `(() => { const c = new AbortController(); c.abort(); return [c.signal.reason.name, c.signal.reason instanceof DOMException]; })()`,
    `AbortSignal.abort("x").throwIfAborted()`,
    `(await new Promise((done) => { const s = AbortSignal.timeout(5); s.onabort = () => done(s.reason.name); }))`,
    `(() => { const a = new AbortController(); const any = AbortSignal.any([a.signal, new AbortController().signal]); a.abort("first"); return any.reason; })()`,
    `(() => { const t = new EventTarget(); let n = 0; const f = () => n++; t.addEventListener("x", f, { once: true }); t.addEventListener("x", f); t.dispatchEvent(new Event("x")); t.dispatchEvent(new Event("x")); return n; })()`,
    `(() => { const t = new EventTarget(); const c = new AbortController(); let n = 0; t.addEventListener("x", () => n++, { signal: c.signal }); c.abort(); t.dispatchEvent(new Event("x")); return n; })()`,
    `new AbortSignal()`,
    `(() => { const t = new EventTarget(); const seen = []; t.addEventListener("x", (e) => { seen.push(1); e.stopImmediatePropagation(); e.preventDefault(); }); t.addEventListener("x", () => seen.push(2)); return [t.dispatchEvent(new CustomEvent("x", { detail: 7, cancelable: true })), seen]; })()`,
    `[new DOMException("m", "AbortError").code, DOMException.TIMEOUT_ERR, DOMException.name, AbortSignal.name, File.name, String(new Event("x"))]`,
  ],
  "timers and microtasks": [
    `(await new Promise((done) => setTimeout((a, b) => done([a, b]), 5, 1, 2)))`,
    `(await new Promise((done) => { let n = 0; const id = setInterval(() => { if (++n === 3) { clearInterval(id); done(n); } }, 1); }))`,
    `(await new Promise((done) => { const id = setTimeout(() => done("fired"), 5); clearTimeout(id); setTimeout(() => done("cleared"), 20); }))`,
    `(await new Promise((done) => { const order = []; setTimeout(() => { order.push("timer"); done(order); }, 1); queueMicrotask(() => order.push("micro")); order.push("now"); }))`,
    `queueMicrotask(5)`,
    `setTimeout("text")`,
  ],
  "performance and crypto": [
    `(() => { const a = performance.now(); const b = performance.now(); return [b >= a, Math.abs(performance.timeOrigin + b - Date.now()) < 60000]; })()`,
    `/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID())`,
    `(() => { const a = crypto.getRandomValues(new Uint32Array(8)); const b = crypto.getRandomValues(new Uint32Array(8)); return [a.length, a.some((one, at) => one !== b[at])]; })()`,
    `crypto.getRandomValues(new Uint8Array(70000))`,
    `crypto.getRandomValues(new Float64Array(1))`,
    ...["SHA-1", "SHA-256", "SHA-384", "SHA-512"].map(
      (name) => `[...new Uint8Array(await crypto.subtle.digest("${name}", new TextEncoder().encode("plinth")))]`,
    ),
    `[...new Uint8Array(await crypto.subtle.digest({ name: "sha-256" }, new ArrayBuffer(0)))]`,
    `crypto.subtle.digest("MD5", new Uint8Array(1)).then(() => "done", (thrown) => thrown.name)`,
    ...["SHA-256", "SHA-512"].map(
      (
        hash,
      ) => `(await (async () => { const key = await crypto.subtle.importKey("raw", new TextEncoder().encode("key"), { name: "HMAC", hash: "${hash}" }, false, ["sign", "verify"]);
        const data = new TextEncoder().encode("data"); const signed = await crypto.subtle.sign("HMAC", key, data);
        const changed = new Uint8Array(signed.slice(0)); changed[3] ^= 1;
        return [[...new Uint8Array(signed)], await crypto.subtle.verify("HMAC", key, signed, data), await crypto.subtle.verify("HMAC", key, changed, data), await crypto.subtle.verify("HMAC", key, new Uint8Array(3), data), key.type, key.usages]; })())`,
    ),
    // The first example of RFC 8032 whose message is not empty.
    `(await (async () => { const hex = (text) => Uint8Array.from(text.match(/../g), (two) => parseInt(two, 16));
      const key = await crypto.subtle.importKey("raw", hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), "Ed25519", true, ["verify"]);
      const signature = hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
      const check = (signed, data) => crypto.subtle.verify({ name: "Ed25519" }, key, signed, data);
      return [await check(signature, hex("72")), await check(signature, hex("73")), await check(signature.slice(1), hex("72")), key.type, key.algorithm.name, key.usages]; })())`,
    `crypto.subtle.importKey("raw", new Uint8Array(31), "Ed25519", false, ["verify"]).then(() => "done", (thrown) => thrown.name)`,
    `crypto.subtle.importKey("raw", new Uint8Array(4), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]).then((key) => crypto.subtle.verify("HMAC", key, new Uint8Array(1), new Uint8Array(1))).then(() => "done", (thrown) => thrown.name)`,
  ],
};

describe.each(Object.keys(alike))("%s are as in Node", (name) => {
  it.each(alike[name] ?? [])("%s", async (expression) => {
    const code = `return ${tried(expression)};`;
    expect(await guest.run(code)).toEqual(await inNode(code));
  });
});

describe("what is taken away", () => {
  const gone = ["WebAssembly", "SharedArrayBuffer", "Atomics", "FinalizationRegistry", "process", "require", "Buffer", "__send", "__entry", "__load"];

  it.each(gone)("%s is not there", async (name) => {
    expect(await guest.run(`return typeof ${name};`)).toBe("undefined");
  });

  it("buffers cannot grow, however they are made", async () => {
    const code = `const tries = [() => new ArrayBuffer(1, { maxByteLength: 9 }), () => Reflect.construct(ArrayBuffer, [1, { maxByteLength: 9 }]),
        () => new (class extends ArrayBuffer {})(1, { maxByteLength: 9 }), () => new (ArrayBuffer.prototype.constructor)(1, { maxByteLength: 9 }),
        () => new (Object.getPrototypeOf(Uint8Array.of(1).buffer).constructor)(1, { maxByteLength: 9 })];
      const made = tries.map((one) => { try { return one().resizable === true ? "grows" : "fixed"; } catch (thrown) { return thrown.name; } });
      return [made, ["resize", "transfer", "transferToFixedLength"].filter((one) => one in ArrayBuffer.prototype), new ArrayBuffer(8).slice(2).byteLength, new ArrayBuffer(3) instanceof ArrayBuffer];`;
    expect(await guest.run(code)).toEqual([Array.from({ length: 5 }, () => "RangeError"), [], 6, true]);
  });

  it("Object.prototype has no __proto__", async () => {
    expect(await guest.run(`return ["__proto__" in {}, JSON.parse('{"__proto__":{"x":1}}').x === undefined];`)).toEqual([false, true]);
  });
});

describe("the console", () => {
  it("writes into the log, a bounded number of bounded lines", async () => {
    const lines: { level: string; message: string }[] = [];
    const own = await TestGuest.start({ note: (_method, params) => void lines.push(params as never) });
    try {
      await own.run(
        `console.log("a", { b: 1 }, [2]); console.error(new Error("no").message); console.warn("x".repeat(20000)); for (let n = 0; n < 5000; n++) console.debug(n);`,
      );
      expect(lines.slice(0, 2)).toEqual([
        { level: "info", message: 'a {"b":1} [2]' },
        { level: "error", message: "no" },
      ]);
      expect(lines[2]?.message).toHaveLength(8_000);
      expect(lines.length).toBeLessThanOrEqual(2_000);
      expect(lines.map((one) => one.message)).toContain("it logs too much; the rest of this moment is dropped");
    } finally {
      own.stop();
    }
  });
});

describe("the network", () => {
  it("is the host's: fetch and web sockets ask it, bytes and all", async () => {
    const asked: unknown[] = [];
    const own = await TestGuest.start({
      call(method, params) {
        asked.push([method, params]);
        return null;
      },
      async *stream(method, params) {
        asked.push([method, params]);
        if (method === "fetch") {
          yield { status: 201, headers: { "x-a": "b" } };
          yield Buffer.from("bödy").toString("base64");
        } else {
          yield { open: "s1", protocol: "" };
          yield { text: "hi" };
          yield { binary: { base64: "AQI=" } };
          yield { close: 1000, reason: "bye" };
        }
      },
    });
    try {
      const code = `const answer = await fetch("https://a.example/", { method: "POST", body: Uint8Array.of(1) });
        const got = [answer.status, answer.headers.get("x-a"), await answer.text()];
        const socket = new WebSocket("wss://a.example/");
        socket.onopen = () => socket.send(Uint8Array.of(7));
        socket.onmessage = ({ data }) => got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
        const closed = await new Promise((resolve) => { socket.onclose = resolve; });
        return [...got, closed.code, closed.reason, socket.readyState];`;
      expect(await own.run(code)).toEqual([201, "b", "bödy", "hi", [1, 2], 1000, "bye", 3]);
      expect(asked).toEqual([
        ["fetch", { url: "https://a.example/", method: "POST", headers: {}, body: "AQ==", base64: true }],
        ["socket", { url: "wss://a.example/", protocols: [] }],
        ["socket.send", { id: "s1", data: { base64: "Bw==" } }],
      ]);
    } finally {
      own.stop();
    }
  });
});
