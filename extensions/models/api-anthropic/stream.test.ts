import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorInfo, type FetchResponse, type ModelEvent } from "@plinth/sdk";
import { Exchange } from "@plinth/sdk/kits/model-api";
import { answerContent, random } from "@plinth/sdk/testing";
import { beforeAll, describe, expect, it } from "vitest";

import { MessageReader } from "./message-reader.ts";

let recorded: Uint8Array;
beforeAll(async () => {
  recorded = await readFile(join(import.meta.dirname, "recorded.sse"));
});

/** What one stream gives, and the code of the error that it ends with. */
async function read(...chunks: Uint8Array[]): Promise<{ events: ModelEvent[]; code?: string }> {
  const response = { status: 200, ok: true, headers: { "content-type": "text/event-stream" }, body: pieces(chunks) } as unknown as FetchResponse;
  const exchange = new Exchange({ fetch: () => Promise.resolve(response), title: "Lumen", signal: new AbortController().signal });
  const events: ModelEvent[] = [];
  try {
    for await (const event of exchange.answer(response, new MessageReader("Lumen", "lumen", new Map()))) events.push(event);
    return { events };
  } catch (error) {
    return { events, code: errorInfo(error).code };
  }
}

async function* pieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("a recorded stream", () => {
  it("is read as it was said", async () => {
    const { events } = await read(recorded);
    const signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pki==";
    const thinking = "Où est-il? Let me search.\nThen roll 🎲";
    expect(answerContent(events)).toMatchObject([
      { type: "reasoning", text: thinking, opaque: { data: { vendor: "lumen", block: { type: "thinking", thinking, signature } } } },
      { type: "reasoning", redacted: true, opaque: { data: { block: { data: "EmwKAhgBEgy3va3pzix/LafPsn4a" } } } },
      { type: "opaque", opaque: { data: { block: { type: "server_tool_use", name: "web_search", input: { query: "dés à jouer" } } } } },
      { type: "opaque", opaque: { data: { block: { type: "web_search_tool_result", content: [{ encrypted_content: "EqgfCioIARgBIiQ3" }] } } } },
      { type: "text", text: "Here: " },
      { type: "text", text: "a die has six sides 🎲", opaque: { data: { citations: [{ encrypted_index: "Eo8BCioIAhgBIiQyYjQ0" }] } } },
      { type: "citation", url: "https://dice.example/", title: "Dice", quote: "A die has six sides…", start: 6, end: 28 },
      { type: "tool-call", id: "toolu_01T1x1fJ34qAmk2tNTrN7Up6", name: "dice", args: { sides: 6, why: "dés" } },
      { type: "tool-call", id: "toolu_02", name: "coin", args: {} },
    ]);
    expect(events.slice(-2)).toEqual([
      {
        type: "usage",
        usage: {
          ...{ inputTokens: 4312, outputTokens: 189, cacheReadTokens: 4000, cacheWriteTokens: 300, reasoningTokens: 40 },
          serverTools: { web_search: 1 },
        },
      },
      { type: "end", reason: "tool-calls" },
    ]);
  });

  it("is the same wherever it is cut in two, and byte by byte", async () => {
    const whole = await read(recorded);
    for (let at = 1; at < recorded.length; at++) expect(await read(recorded.subarray(0, at), recorded.subarray(at))).toEqual(whole);
    expect(await read(...Array.from(recorded, (_, at) => recorded.subarray(at, at + 1)))).toEqual(whole);
  });

  it("that ends anywhere before its end says so, after what was said", async () => {
    const whole = (await read(recorded)).events;
    // From its stop reason on it is complete, whether or not the last event comes.
    const ending = Buffer.from(recorded).indexOf("event: message_stop");
    for (let at = 0; at < ending; at += 7) {
      const { events, code } = await read(recorded.subarray(0, at));
      expect(code).toBe("PLINTH_MODEL_STREAM");
      expect(events).toEqual(whole.slice(0, events.length));
    }
  });
});

describe("damaged streams", () => {
  function damaged(pick: (below: number) => number): Uint8Array {
    const events = Buffer.from(recorded)
      .toString("utf8")
      .split("\n\n")
      .filter((event) => event !== "");
    for (let n = 1 + pick(3); n > 0; n--) {
      const [at, other] = [pick(events.length), pick(events.length)];
      const kind = pick(7);
      if (kind === 0) events.splice(at, 1);
      else if (kind === 1) events.splice(at, 0, events[other]!);
      else if (kind === 2) [events[at], events[other]] = [events[other]!, events[at]!];
      else if (kind === 3) events[at] = events[at]!.replace(/"index":\d/, `"index":${pick(9)}`);
      else if (kind === 4) events[at] = events[at]!.replace(/"(text|thinking|partial_json|stop_reason|name|id|type)":"[^"]*"/, '"$1":null');
      else if (kind === 5) events[at] = events[at]!.slice(0, pick(events[at]!.length + 1));
      else events.splice(at, 0, 'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"no"}}');
      if (events.length === 0) break;
    }
    const bytes = Buffer.from(`${events.join("\n\n")}\n\n`);
    if (pick(4) === 0 && bytes.length > 0) bytes[pick(bytes.length)] = pick(256);
    return bytes;
  }

  it("give one end or one coded error each, and never half a call", { timeout: 120_000 }, async () => {
    const calls: Record<string, object> = { dice: { sides: 6, why: "dés" }, coin: {} };
    const codes = new Set<string>();
    let ends = 0;
    for (let seed = 1; seed <= 3_000; seed++) {
      const pick = random(seed * 2_654_435_761);
      const bytes = damaged(pick);
      const at = pick(bytes.length + 1);
      const { events, code } = await read(bytes.subarray(0, at), bytes.subarray(at));
      const said = events.filter(({ type }) => type === "end");
      expect([seed, said.length, code === undefined]).toEqual([seed, code === undefined ? 1 : 0, code === undefined]);
      if (code === undefined) expect(events.at(-1)?.type).toBe("end");
      else expect(code).toMatch(/^PLINTH_MODEL_/);
      codes.add(code ?? "end");
      ends += said.length;
      const made = events.flatMap((event) => (event.type === "tool-call" ? [event.call] : []));
      expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
      for (const { name, args } of made) {
        // Bytes that were changed may change a value; a piece that is missing may not.
        const wanted = calls[name];
        if (wanted !== undefined && Object.keys(args).length > 0)
          expect([seed, Object.keys(args).length]).toEqual([seed, Object.keys(wanted).length || 2]);
      }
    }
    expect(ends).toBeGreaterThan(300);
    expect([...codes].sort()).toEqual(expect.arrayContaining(["PLINTH_MODEL_SERVER", "PLINTH_MODEL_STREAM", "end"]));
  });
});
