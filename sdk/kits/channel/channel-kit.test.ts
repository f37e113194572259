import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fenceAfter } from "./fence.ts";
import {
  addressText,
  askPairing,
  backoffMs,
  chunkText,
  findPairing,
  gate,
  measure,
  meet,
  menuOf,
  type Pairing,
  paceMs,
  pairingCode,
  parseAddress,
  sendOutcome,
  takeBurst,
  typedCommand,
} from "./index.ts";

const unit = fc.constantFrom("characters", "utf16", "bytes" as const);
const word = fc.constantFrom("a", "hello", "wörld", "日本語", "👩‍👩‍👧‍👦", "e\u0301", "🇩🇪", "👍🏽", "x".repeat(30), "`", "*");
const line = fc.array(word, { maxLength: 12 }).map((words) => words.join(" "));
const block = fc
  .tuple(fc.constantFrom("```", "~~~~", "```ts"), fc.array(line, { maxLength: 6 }))
  .map(([fence, lines]) => [fence, ...lines, fence.replace(/[a-z]/g, "")].join("\n"));
const markdown = fc.array(fc.oneof({ weight: 3, arbitrary: line }, block, fc.constant("")), { maxLength: 12 }).map((all) => all.join("\n"));
const graphemes = (text: string): string[] => [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map((one) => one.segment);
const bare = (text: string): string =>
  text
    .split("\n")
    .filter((one) => !/^ {0,3}(`{3,}|~{3,})[^`]*$/.test(one))
    .join("\n")
    .replaceAll(/\s/g, "");

describe("cutting a text", () => {
  it("keeps every piece within the limit, loses no word, and leaves no block of code open", () => {
    fc.assert(
      fc.property(markdown, unit, fc.integer({ min: 60, max: 400 }), (text, of, limit) => {
        const pieces = chunkText(text, { text: limit, unit: of });
        for (const piece of pieces) expect(measure(piece, of)).toBeLessThanOrEqual(limit);
        for (const piece of pieces) expect(fenceAfter(piece, undefined)).toBeUndefined();
        expect(bare(pieces.join("\n"))).toBe(bare(text));
      }),
      { numRuns: 500 },
    );
  });

  it("cuts no character that a reader sees as one", () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), unit, fc.integer({ min: 40, max: 90 }), (words, of, limit) => {
        const text = words.join("");
        // A block of code that has to be cut is closed on a line of its own.
        const known = new Set([...graphemes(text), "\n"]);
        for (const piece of chunkText(text, { text: limit, unit: of })) for (const one of graphemes(piece)) expect(known).toContain(one);
      }),
      { numRuns: 500 },
    );
  });

  it("ends, and stays within any limit of four or more, for whatever text there is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), unit, fc.integer({ min: 4, max: 40 }), (text, of, limit) => {
        const pieces = chunkText(text, { text: limit, unit: of });
        for (const piece of pieces) expect(measure(piece, of)).toBeLessThanOrEqual(limit);
        expect(pieces.join("").length).toBeLessThan(40 * text.length + 100);
      }),
      { numRuns: 300 },
    );
  });

  it("cuts between paragraphs, then lines, then words", () => {
    expect(chunkText("one two\n\nthree four", { text: 12, unit: "characters" })).toEqual(["one two", "three four"]);
    expect(chunkText("one two\nthree four", { text: 12, unit: "characters" })).toEqual(["one two", "three four"]);
    expect(chunkText("one two three four", { text: 13, unit: "characters" })).toEqual(["one two three", "four"]);
    expect(chunkText("one two:\n\n  - three", { text: 12, unit: "characters" })).toEqual(["one two:", "  - three"]);
    expect(chunkText("short", { text: 100, unit: "bytes" })).toEqual(["short"]);
    expect(chunkText("", { text: 100, unit: "bytes" })).toEqual([]);
  });

  it("closes a block of code that it cuts, and opens it again as it was", () => {
    const text = `\`\`\`ts\n${Array.from({ length: 6 }, (_, n) => `line ${n};`).join("\n")}\n\`\`\``;
    expect(chunkText(text, { text: 40, unit: "utf16" })).toEqual(["```ts\nline 0;\nline 1;\nline 2;\n```", "```ts\nline 3;\nline 4;\nline 5;\n```"]);
  });
});

describe("an address", () => {
  const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
  const address = fc.record(
    { channel: id, account: id, peer: fc.record({ kind: fc.constantFrom("person", "group", "channel" as const), id }), thread: id },
    { requiredKeys: ["channel", "account", "peer"] },
  );
  it("has one text, and the text has one address", () => {
    fc.assert(
      fc.property(address, address, (one, other) => {
        const text = addressText(one as never);
        expect(parseAddress(text)).toEqual(one);
        expect(addressText(other as never) === text).toBe(JSON.stringify(other) === JSON.stringify(one));
        expect(text).toMatch(/^[!-~]+$/);
      }),
    );
  });
  it.each(["", "a/b/person", "a/b/robot/c", "a/b/person/%zz", "a/b/person/c/d/e", "a/b/person/ä", "a//person/c"])("is not made of %j", (text) =>
    expect(parseAddress(text)).toBeUndefined(),
  );
});

describe("who is let in", () => {
  const item = (fields: object = {}, peer: object = { kind: "person", id: "p" }) =>
    ({
      kind: "message",
      eventId: "1",
      at: 0,
      address: { channel: "c", account: "a", peer },
      sender: { id: "s" },
      id: "m",
      content: [],
      ...fields,
    }) as never;
  const asked = (fields: object, standing: string, groupAllowed = false, peer?: object) =>
    gate({ item: item(fields, peer), standing: standing as never, groupAllowed }).do;
  const group = { kind: "group", id: "g" };

  it("nobody by default: a stranger gets a code, a group is silent", () => {
    expect(asked({}, "unknown")).toBe("pair");
    expect(asked({ kind: "reaction", messageId: "m", emoji: "x", added: true }, "unknown")).toBe("ignore");
    expect(asked({ mentionsMe: true }, "unknown", false, group)).toBe("ignore");
    expect(asked({ mentionsMe: true }, "owner", false, group)).toBe("ignore");
  });
  it("those whom the owner knows, and in groups that the owner allowed whoever addresses the account", () => {
    expect(asked({}, "guest")).toBe("answer");
    expect(asked({}, "owner")).toBe("answer");
    expect(asked({ mentionsMe: true }, "unknown", true, group)).toBe("answer");
    expect(asked({}, "owner", true, group)).toBe("ignore");
  });
  it("never the account itself, whoever is blocked, a bot, or nobody in particular", () => {
    expect(asked({ sender: { id: "s", self: true } }, "owner")).toBe("ignore");
    expect(asked({}, "blocked")).toBe("ignore");
    expect(asked({ sender: { id: "s", bot: true } }, "guest")).toBe("ignore");
    expect(asked({ sender: undefined }, "owner")).toBe("ignore");
  });
});

describe("pairing", () => {
  const rules = { ttlMs: 1_000, most: 2 };
  it("gives each who asks one code, and no more than there may be", () => {
    let held: readonly Pairing[] = [];
    let n = 0;
    const ask = (who: string, now: number) => {
      const { held: next, pairing } = askPairing(held, who, now, rules, () => `code${n++}`);
      held = next;
      return pairing?.code;
    };
    expect([ask("a", 0), ask("a", 5), ask("b", 5), ask("c", 5)]).toEqual(["code0", "code0", "code1", undefined]);
    expect(findPairing(held, " CODE-1 ", 6)?.who).toBe("b");
    expect(findPairing(held, "code1", 2_000)).toBeUndefined();
    expect(ask("c", 2_000)).toBe("code2");
    expect(held.map(({ who }) => who)).toEqual(["c"]);
  });
  it("makes codes of eight letters, all of them alike", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        (bytes) => fc.pre(bytes.filter((one) => one < 248).length >= 8) === undefined && /^[2-9a-hjkmnp-z]{8}$/.test(pairingCode(bytes)),
      ),
    );
  });
});

describe("trying again", () => {
  it("waits longer each time, never longer than allowed, and never exactly as others do", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const ms = backoffMs(attempt, random);
        expect(ms).toBeGreaterThanOrEqual(700);
        expect(ms).toBeLessThanOrEqual(300_000);
        expect(backoffMs(attempt + 1, random)).toBeGreaterThanOrEqual(ms);
      }),
    );
    expect(backoffMs(3, 0)).toBeLessThan(backoffMs(3, 0.9));
  });
  it("sends nothing twice that may have arrived, unless the channel knows its key", () => {
    expect(sendOutcome({ code: "PLINTH_DEADLINE" }, 1, false, 0)).toEqual({ do: "unknown" });
    expect(sendOutcome({ code: "PLINTH_DEADLINE" }, 1, true, 0)).toMatchObject({ do: "retry" });
    expect(sendOutcome({ code: "PLINTH_CHANNEL_DOWN" }, 1, false, 0)).toMatchObject({ do: "retry" });
    expect(sendOutcome({ code: "PLINTH_CHANNEL_BLOCKED" }, 1, true, 0)).toEqual({ do: "fail" });
    expect(sendOutcome({ code: "PLINTH_CHANNEL_RATE", retryAfterMs: 9_000 }, 1, false, 0)).toEqual({ do: "retry", afterMs: 9_000 });
    expect(sendOutcome({ code: "PLINTH_CHANNEL_DOWN" }, 12, true, 0)).toEqual({ do: "fail" });
  });
  it("keeps to a rate", () => {
    expect(paceMs(1_000, 2, 1_100)).toBe(400);
    expect(paceMs(1_000, 2, 1_600)).toBe(0);
    expect(paceMs(undefined, 2, 0)).toBe(0);
  });
});

describe("meeting an event again", () => {
  it("is noticed as long as it is remembered, and what is remembered is bounded", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 30 }), { maxLength: 200 }), (ids) => {
        let seen: readonly (readonly [string, number])[] = [];
        const met = new Set<number>();
        for (const id of ids) {
          const { isNew, seen: next } = meet(seen, String(id), 0, { ttlMs: 10, most: 40 });
          expect(isNew).toBe(!met.has(id));
          met.add(id);
          seen = next;
          expect(seen.length).toBeLessThanOrEqual(40);
        }
      }),
    );
    expect(meet([["a", 0]], "a", 10, { ttlMs: 10, most: 5 }).isNew).toBe(true);
  });
});

describe("a burst", () => {
  const at = (ms: number, from = "a", alone = false) => ({ at: ms, from, alone });
  it("is one message when it is over, and does not wait for ever", () => {
    expect(takeBurst([at(0), at(200)], 300)).toEqual({ take: 0, waitMs: 200 });
    expect(takeBurst([at(0), at(200)], 500)).toEqual({ take: 2, waitMs: 0 });
    expect(takeBurst([at(0), at(2_900)], 3_000).take).toBe(2);
  });
  it("ends with a command, and with somebody else", () => {
    expect(takeBurst([at(0, "a", true), at(1)], 1)).toEqual({ take: 1, waitMs: 0 });
    expect(takeBurst([at(0), at(1, "a", true)], 1)).toEqual({ take: 1, waitMs: 0 });
    expect(takeBurst([at(0), at(1), at(2, "b")], 2)).toEqual({ take: 2, waitMs: 0 });
  });
  it("takes everything in the end, in its order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 500 }), fc.constantFrom("a", "b"), fc.boolean()), { maxLength: 40 }), (gaps) => {
        let now = 0;
        let waiting = gaps.map(([gap, from, alone]) => at((now += gap), from, alone));
        for (let rounds = 0; waiting.length > 0; rounds++) {
          expect(rounds).toBeLessThan(200);
          const { take, waitMs } = takeBurst(waiting, now);
          expect(take > 0 || waitMs > 0).toBe(true);
          now += waitMs;
          waiting = waiting.slice(take);
        }
      }),
    );
  });
});

describe("commands", () => {
  it("go into a service's menu as it takes them, and come back as they are typed", () => {
    const commands = [
      { name: "plugins", summary: "x".repeat(200) },
      { name: "my-notes", summary: "Notes" },
      { name: "my_notes", summary: "Others" },
    ];
    const menu = menuOf(commands);
    expect(menu.map(({ name }) => name)).toEqual(["plugins", "my_notes"]);
    expect(menu[0]?.summary).toHaveLength(100);
    expect(typedCommand("/my_notes@bot", " add x ", ["plugins", "my-notes"])).toBe("/my-notes add x");
    expect(typedCommand("help", "", [])).toBe("/help");
  });
});
