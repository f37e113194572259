import { textOf } from "@plinth/sdk";
import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { end, type HarnessInput, shout, startTurns, transcript } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());

it("a conversation that a turn made shorter stays so: the next one begins with the summary, and nothing is deleted", async () => {
  const seen: string[][] = [];
  host = await startTurns({
    async *run(input: HarnessInput) {
      seen.push(input.history.map(({ content }) => textOf(content)));
      if (textOf(input.history.at(-1).content) === "three") yield { type: "compaction", summary: "They counted.", kept: 2 };
      yield* shout(input);
    },
  });
  for (const text of ["one", "two", "three", "four"]) await end(host, text);
  expect(seen.at(-1)).toEqual([expect.stringMatching(/are left out here[\s\S]*\n\nThey counted\.$/), "TWO", "three", "THREE", "four"]);
  const bodies: any[] = await transcript(host);
  expect(bodies.filter(({ kind }) => kind === "compaction")).toMatchObject([{ summary: "They counted." }]);
  expect(bodies.filter(({ kind }) => kind === "message").length).toBe(8);
});

it("a summary that a turn of many calls pushed out of what is read still stands for what was said before", async () => {
  const seen: string[][] = [];
  host = await startTurns({
    config: { historyLimit: 12 },
    async *run(input: HarnessInput) {
      seen.push(input.history.map(({ content }) => textOf(content)));
      const text = textOf(input.history.at(-1).content);
      if (text === "two") yield { type: "compaction", summary: "They counted.", kept: 1 };
      if (text === "work")
        for (let at = 0; at < 10; at++) {
          const id = `c${at}`;
          yield { type: "message", message: { role: "assistant", content: [{ type: "tool-call", id, name: "dig", args: {} }] } };
          yield { type: "message", message: { role: "tool", content: [{ type: "tool-result", callId: id, name: "dig", content: [] }] } };
        }
      yield* shout(input);
    },
  });
  for (const text of ["one", "two", "work", "go on"]) await end(host, text);
  expect(seen.at(-1)![0]).toMatch(/They counted\.$/);
  expect(seen.at(-1)).toContain("work");
});

it("where nothing stands for what is not read, the model is told that it is left out, and the harness that it is time", async () => {
  const seen: any[] = [];
  host = await startTurns({
    config: { historyLimit: 12 },
    async *run(input: HarnessInput) {
      seen.push({ long: (input as { long?: boolean }).long, first: textOf(input.history[0].content) });
      yield* shout(input);
    },
  });
  for (let at = 0; at < 8; at++) await end(host, `note ${at}`);
  expect(seen[0]).toEqual({ long: undefined, first: "note 0" });
  expect(seen.at(-1)).toEqual({ long: true, first: expect.stringMatching(/^Earlier messages of this conversation are left out here\./) });
});
