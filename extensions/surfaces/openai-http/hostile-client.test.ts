import { connect, type Socket } from "node:net";
import type { ModelEvent } from "@plinth/sdk";
import { afterEach, describe, expect, it } from "vitest";
import { says } from "../../agents/native/scripted.testing.ts";
import { type Serving, setUp, shown } from "./serving.testing.ts";

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** A client that writes by hand, and reads when it is told to. */
async function wired({ url, token }: Serving, path: string, body: object, headers: readonly string[] = []): Promise<Socket> {
  const { port, hostname, host } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  socket.on("error", () => {});
  const text = JSON.stringify(body);
  const head = [
    `POST /v1/${path} HTTP/1.1`,
    `host: ${host}`,
    `authorization: Bearer ${token}`,
    `content-length: ${Buffer.byteLength(text)}`,
    ...headers,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
  return socket;
}

const first = (socket: Socket) =>
  new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (piece) => {
      text += piece;
      if (text.includes("\r\n\r\n")) resolve(text);
    });
    socket.on("close", () => resolve(text));
  });

const asked = { messages: [{ role: "user", content: "Hi" }] };
const bodies = [
  ["chat/completions", asked],
  ["responses", { input: "Hi" }],
  ["messages", { ...asked, max_tokens: 9 }],
] as const;

describe("a client that hangs up", () => {
  it.each(["plinth", "scripted/m"])("in the middle of an answer of %s ends the work, over each API", async (model) => {
    for (const [path, body] of bodies) {
      const aborted = Promise.withResolvers<void>();
      await using api = await setUp(async function* (_seen, signal) {
        signal.addEventListener("abort", () => aborted.resolve());
        yield { type: "text", delta: "Hi" };
        await aborted.promise;
      });
      const socket = await wired(api, path, { model, stream: true, ...body });
      expect(await first(socket)).toContain("200 OK");
      socket.resetAndDestroy();
      await aborted.promise;
    }
  });

  it("before the first word ends the work as well, also where no stream was asked for", async () => {
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    await using api = await setUp(async function* (_seen, signal) {
      signal.addEventListener("abort", () => aborted.resolve());
      begun.resolve();
      await aborted.promise;
      yield* says("never");
    });
    const socket = await wired(api, "chat/completions", { model: "scripted/m", ...asked });
    await begun.promise;
    socket.resetAndDestroy();
    await aborted.promise;
  });

  it("leaves a conversation free, and what it had not heard to the end is not part of it", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      const aborted = Promise.withResolvers<void>();
      await using api = await setUp(async function* (_seen, signal) {
        signal.addEventListener("abort", () => aborted.resolve());
        yield { type: "text", delta: "Half" };
        await aborted.promise;
      }, says("ok"));
      const { id: conversation } = await api.client.conversations.create();
      const socket = await wired(api, "responses", { model, input: "A", conversation, stream: true });
      await first(socket);
      socket.resetAndDestroy();
      await aborted.promise;
      // Its place is given up a moment later.
      const ask = () => api.client.responses.create({ model, input: "B", conversation });
      const answer = await ask().catch(async (error) => {
        expect(error).toMatchObject({ status: 409 });
        await new Promise((resolve) => setTimeout(resolve, 300));
        return ask();
      });
      expect(answer.output_text).toBe("ok");
      expect(shown(api.seen.at(-1)).at(-1)).toBe("user: B");
      expect((await api.client.conversations.items.list(conversation, { order: "asc" })).data).toHaveLength(2);
    }
  });
});

it("a client that does not read makes the model wait, and can be left", async () => {
  let made = 0;
  const ended = Promise.withResolvers<void>();
  await using api = await setUp(async function* () {
    const delta = "x".repeat(65_536);
    try {
      for (; made < 4_000; made++) yield { type: "text", delta } as ModelEvent;
      yield { type: "end", reason: "stop" } as ModelEvent;
    } finally {
      ended.resolve();
    }
  });
  const socket = await wired(api, "chat/completions", { model: "scripted/m", stream: true, ...asked });
  socket.pause();
  for (let before = -1; before !== made || made === 0; ) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // Some of it lies in the buffers of both sides; by far not all.
  expect(made).toBeLessThan(1_000);
  socket.resetAndDestroy();
  await ended.promise;
});

it("headers that are too large, and names that are too long, are refused, and the next request is answered", async () => {
  await using api = await setUp(says("ok"));
  expect(await first(await wired(api, "responses", { model: "plinth", input: "Hi" }, [`x-plinth-session: ${"s".repeat(40_000)}`]))).toMatch(/ 431 /);
  expect(await first(await wired(api, "responses", { model: "plinth", input: "Hi" }, [`x-plinth-session: ${"s".repeat(10_000)}`]))).toMatch(/ 400 /);
  expect(api.seen).toEqual([]);
  expect((await api.client.responses.create({ model: "plinth", input: "Hi" })).output_text).toBe("ok");
});

it("a history of ten thousand messages is answered, and one of more is refused", async () => {
  await using api = await setUp(says("ok"));
  const history = (count: number) => Array.from({ length: count }, (_, at) => ({ role: at % 2 ? "assistant" : "user", content: `${at}` }) as const);
  for (const model of ["plinth", "scripted/m"]) {
    const messages = [...history(9_998), { role: "user" as const, content: "And?" }];
    expect((await api.client.chat.completions.create({ model, messages })).choices[0]?.message.content).toBe("ok");
    expect(shown(api.seen.at(-1)).at(-1)).toBe("user: And?");
  }
  await expect(api.client.chat.completions.create({ model: "plinth", messages: history(10_001) })).rejects.toMatchObject({ status: 400 });
});
