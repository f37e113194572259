import { expect, it } from "vitest";
import { known } from "./known.ts";

type Item = { type: "text"; delta: string } | { type: "end"; reason: string };

it("a reader passes over the kinds of items that it does not know, and ends the stream when it stops early", async () => {
  let ended = false;
  async function* items(): AsyncGenerator<Item> {
    try {
      yield { type: "text", delta: "a" };
      yield { type: "hologram", depth: 3 } as never;
      yield { type: "end", reason: "stop" };
      yield { type: "text", delta: "never read" };
    } finally {
      ended = true;
    }
  }
  const seen: string[] = [];
  for await (const item of known(items(), "type", ["text", "end"])) {
    seen.push(item.type === "text" ? item.delta : item.reason);
    if (item.type === "end") break;
  }
  expect(seen).toEqual(["a", "stop"]);
  expect(ended).toBe(true);
});
