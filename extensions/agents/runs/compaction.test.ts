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
