import { createHash } from "node:crypto";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { bytesOf, duplexRoute, json } from "@plinth/sdk/kits/http";
import { describe, expect, it } from "vitest";
import { raw, route, scripted, startGateway } from "./started-gateway.ts";

const MiB = 1024 * 1024;
const echo = async function* (request: unknown): AsyncGenerator<unknown> {
  yield* json(200, request);
};
const seenBy = async (response: Response): Promise<any> => response.json();

describe("a request's body", () => {
  it("comes as bytes to a route that wants bytes, an image in a form among them", async () => {
    const image = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 31) % 256);
    await using gateway = await startGateway([
      route("upload", { methods: ["POST"], body: "bytes" }, async function* ({ headers, body }) {
        const form = await new Response(bytesOf(body), { headers: { "content-type": headers["content-type"] } }).formData();
        const file = form.get("photo") as File;
        const same = Buffer.from(await file.arrayBuffer()).equals(Buffer.from(image));
        yield* json(200, { name: file.name, type: file.type, same, note: form.get("note") });
      }),
    ]);
    const form = new FormData();
    form.set("note", "Grüße");
    form.set("photo", new File([image], "a b.png", { type: "image/png" }));
    expect(await seenBy(await gateway.get("/upload", { method: "POST", body: form }))).toEqual({
      name: "a b.png",
      type: "image/png",
      same: true,
      note: "Grüße",
    });
  });

  it("is unpacked up to a bound where the route says so; a bomb is refused, whole and in pieces", async () => {
    const read = duplexRoute({
      async *handle(_request, body) {
        let bytes = 0;
        for await (const piece of body) bytes += piece.length;
        yield* json(200, { bytes });
      },
    });
    await using gateway = await startGateway([
      route("text", { methods: ["POST"], inflate: 1000 }, echo),
      route("packed", { methods: ["POST"], body: "bytes" }, echo),
      scripted("stream", { methods: ["POST"], body: "stream", inflate: 2 * MiB }, { ...read }),
    ]);
    const post = (path: string, body: Uint8Array<ArrayBuffer>, encoding = "gzip") =>
      gateway.get(path, { method: "POST", body, headers: { "content-encoding": encoding } });
    const seen = await seenBy(await post("/text", gzipSync("Grüße")));
    expect(seen.body).toEqual({ type: "text", text: "Grüße" });
    expect(seen.headers).not.toHaveProperty("content-encoding");
    const bomb = gzipSync(Buffer.alloc(64 * MiB));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await post("/text", bomb)).status).toBe(413);
    expect((await post("/stream", bomb)).status).toBe(413);
    expect(await seenBy(await post("/stream", gzipSync(Buffer.alloc(MiB))))).toEqual({ bytes: MiB });
    expect((await post("/text", gzipSync("x"), "gzip, gzip")).status).toBe(415);
    expect((await post("/text", new Uint8Array([1, 2, 3]))).status).toBe(415);
    // A signature is over what was sent: a route that does not ask for more gets just that.
    const kept = await seenBy(await post("/packed", gzipSync("x")));
    expect(Buffer.from(kept.body.base64, "base64")).toEqual(gzipSync("x"));
    expect(kept.headers["content-encoding"]).toBe("gzip");
  });

  it("comes piece by piece, no faster than it is read, and stops where the reader stops", async () => {
    let sent = 0;
    let ahead = 0;
    const read = duplexRoute({
      async *handle({ params }, body) {
        let bytes = 0;
        for await (const piece of body) {
          bytes += piece.length;
          ahead = Math.max(ahead, sent - bytes);
          if (params.most !== undefined && bytes >= Number(params.most)) break;
          // The others have their turn: a client that could get ahead does.
          await new Promise((resolve) => setImmediate(resolve));
        }
        yield* json(200, { bytes });
      },
    });
    await using gateway = await startGateway([
      scripted("all", { methods: ["PUT"], body: "stream", bodyLimit: 256 * MiB }, { ...read }),
      scripted("some", { path: "/some/{most}", methods: ["PUT"], body: "stream", bodyLimit: 256 * MiB }, { ...read }),
    ]);
    const total = 96 * MiB;
    const upload = (): ReadableStream =>
      new ReadableStream({
        pull(controller) {
          if (sent >= total) return controller.close();
          sent += 64 * 1024;
          controller.enqueue(new Uint8Array(64 * 1024));
        },
      });
    const put = (path: string) => gateway.get(path, { method: "PUT", body: upload(), duplex: "half" } as RequestInit);
    expect(await seenBy(await put("/all"))).toEqual({ bytes: total });
    // What the two kernels and the two processes' buffers hold, and not the upload.
    expect(ahead).toBeLessThan(24 * MiB);
    sent = 0;
    expect((await seenBy(await put("/some/100000"))).bytes).toBeGreaterThanOrEqual(100_000);
    expect(sent).toBeLessThan(total);
  });

  it("goes to a slow reader in fewer and larger pieces, all of it and in order", async () => {
    const sizes: number[] = [];
    const digest = createHash("sha256");
    const read = duplexRoute({
      async *handle(_request, body) {
        for await (const piece of body) {
          sizes.push(piece.length);
          digest.update(piece);
          // Whoever reads is behind until all that one piece may hold has come.
          if (sizes.length < 4) await new Promise((resolve) => setTimeout(resolve, 200));
        }
        yield* json(200, {});
      },
    });
    await using gateway = await startGateway([scripted("slow", { methods: ["PUT"], body: "stream", bodyLimit: 8 * MiB }, { ...read })]);
    const bytes = Buffer.from(Array.from({ length: 4 * MiB }, (_, at) => (at * 7 + (at >> 9)) & 0xff));
    await seenBy(await gateway.get("/slow", { method: "PUT", body: bytes } as RequestInit));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4 * MiB);
    expect(digest.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    expect(Math.max(...sizes)).toBeGreaterThan(64 * 1024);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(320 * 1024);
  });

  it("ends its route when the client breaks off in the middle", async () => {
    const heard = Promise.withResolvers<string>();
    const read = duplexRoute({
      async *handle(_request, body, call) {
        call.signal.addEventListener("abort", () => heard.resolve("aborted"));
        for await (const _ of body);
        yield* json(200, {});
      },
    });
    await using gateway = await startGateway([scripted("up", { methods: ["PUT"], body: "stream", auth: "none" }, { ...read })]);
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname, () => {
      socket.write("PUT /up HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nabc", () => socket.destroy());
    });
    expect(await heard.promise).toBe("aborted");
  });

  it("is refused when it is longer than it may be, also where it comes in pieces", async () => {
    const read = duplexRoute({
      async *handle(_request, body) {
        for await (const _ of body);
        yield* json(200, {});
      },
    });
    await using gateway = await startGateway([scripted("up", { methods: ["PUT"], body: "stream", bodyLimit: 10 }, { ...read })]);
    expect((await gateway.get("/up", { method: "PUT", body: "12345678901" })).status).toBe(413);
    const body = new Blob(["x".repeat(100_000)]).stream();
    expect((await gateway.get("/up", { method: "PUT", body, duplex: "half" } as RequestInit)).status).toBe(413);
    expect((await gateway.get("/up", { method: "PUT", body: "1234567890" })).status).toBe(200);
  });
});

describe("a request that would be read in two ways", () => {
  it("is refused: lengths that differ, a length beside chunks, two hosts, folded and broken headers", async () => {
    await using gateway = await startGateway([route("all", { path: "/*", auth: "none", methods: ["GET", "POST"] }, echo)]);
    const send = (lines: string[], body = "") => raw(gateway.url, [...lines, "connection: close", "", body].join("\r\n"));
    const post = "POST /x HTTP/1.1";
    const host = "host: localhost";
    const bad: [string[], string?][] = [
      [[post, host, "content-length: 5", "content-length: 6"], "hello"],
      [[post, host, "content-length: 5", "transfer-encoding: chunked"], "0\r\n\r\n"],
      [[post, host, "transfer-encoding: chunked, identity"], "0\r\n\r\n"],
      [[post, host, "content-length: +5"], "hello"],
      [["GET /x HTTP/1.1", host, "host: evil.example"]],
      [["GET /x HTTP/1.1", host, "x-a: b", " folded: c"]],
      [["GET /x HTTP/1.1", host, "x-a : b"]],
      [["GET /x HTTP/1.1", host, "x\u0000a: b"]],
    ];
    for (const [lines, body] of bad) expect((await send(lines, body)).split("\r\n")[0], lines.join(" | ")).toMatch(/^HTTP\/1.1 400/);
    expect((await send([post, host, "content-length: 5"], "hello")).split("\r\n")[0]).toContain("200");
  });
});
