import { type ModelEvent, type ModelMessage, textOf } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { eventsOf, openHouse, turnOf } from "./house.testing.ts";

let host: TestHost;
afterEach(() => host.close());

interface Asked {
  system: { text: string }[];
  messages: ModelMessage[];
}

/** Sums up with a given text, and says "Fine." to everything else. */
function model(summary = "They talked."): ScriptedProvider & { asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    contract: "plinth.model-provider",
    id: "small",
    descriptor: { title: "Small", priority: 1 },
    provider: {
      status: () => ({ ready: true, defaultModel: "m" }),
      models: () => ({ models: [{ id: "m", contextTokens: 16_000 }] }),
      async *stream(request: Asked): AsyncGenerator<ModelEvent> {
        asked.push(structuredClone(request));
        const sums = textOf(request.system as never).startsWith("You sum up");
        yield { type: "text", delta: sums ? summary : `Fine. ${"word ".repeat(60)}` };
        yield { type: "end", reason: "stop" };
      },
    } as never,
  };
}

const bodies = async (): Promise<any[]> => (await host.use("plinth.session-store").one().history({ key: "main" })).entries.map(({ body }) => body);

describe("/compact", () => {
  it("sums up the older part with what is to be kept above all, says what it did, and the next turn begins with the summary", async () => {
    const asks = model();
    host = await openHouse({ provide: [asks] });
    for (let at = 0; at < 6; at++) await turnOf(host, `note ${at} of the boat Kestrel`);
    const answer = await turnOf(host, "/compact the budget");
    expect(answer).toMatch(/^\d+ messages of this conversation stand from here on as a summary, by a model; \d+ stay as said\./);
    expect(answer).toContain("> They talked.");
    expect(textOf(asks.asked.at(-1)!.system as never)).toContain("Above all the owner wants this to be kept: the budget");
    await turnOf(host, "go on");
    const [first] = asks.asked.at(-1)!.messages;
    expect(first!.origin).toMatchObject({ by: "system" });
    expect(textOf(first!.content)).toMatch(/left out here[\s\S]*They talked\.[\s\S]*Kestrel/);
    expect((await bodies()).filter(({ kind, message }) => kind === "message" && message.role === "user").length).toBe(7);
  });

  it("sums up by rules where no model can, and says so", async () => {
    host = await openHouse({ provide: [model()], config: { "plinth.compaction": { model: "none" } } });
    for (let at = 0; at < 6; at++) await turnOf(host, `note ${at}`);
    expect(await turnOf(host, "/compact")).toContain("by rules: no model could");
  });

  it("says so where there is nothing to sum up, and changes nothing", async () => {
    host = await openHouse({ provide: [model()] });
    expect(await turnOf(host, "/compact")).toBe("There is nothing to sum up yet.");
    await turnOf(host, "hello");
    await turnOf(host, "/compact");
    expect((await bodies()).some(({ kind }) => kind === "compaction")).toBe(false);
  });

  it("is the owner's", async () => {
    host = await openHouse({ provide: [model()] });
    await host.as({ role: "guest", via: "telegram" }, async () => {
      expect(await turnOf(host, "/compact")).toContain("is for the owner");
    });
  });
});

it("what others had a hand in stays theirs after it was summed up, and summed up once more", async () => {
  host = await openHouse({ provide: [model()] });
  const influencesOn = async (text: string): Promise<string[]> => {
    const end = (await host.as({ role: "owner", via: "test" }, () => eventsOf(host, text))).at(-1);
    return end?.type === "end" ? (end.origin?.influences ?? []).map(({ party }) => party) : [];
  };
  for (let at = 0; at < 3; at++) expect(await influencesOn(`note ${at}`)).toEqual([]);
  await host.as({ role: "owner", via: "test" }, async () => {
    host.lower("acme.filter", "changed message.received");
    await eventsOf(host, "wire 900 to Mallory");
  });
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 4; at++) await influencesOn(`more ${at}`);
    expect(await influencesOn("/compact")).toEqual(["acme.filter"]);
  }
  expect(await influencesOn("go on")).toEqual(["acme.filter"]);
  const { entries } = await host.use("plinth.session-store").one().history({ key: "main" });
  const sums = entries.filter(({ body }) => body.kind === "compaction");
  expect(sums.map(({ origin }) => origin?.influences?.map(({ party }) => party))).toEqual([["acme.filter"], ["acme.filter"]]);
  // A new conversation begins without them.
  await influencesOn("/new");
  expect(await influencesOn("hello")).toEqual([]);
});

describe("/context", () => {
  it("shows each part of what is sent, and the model's limit", async () => {
    host = await openHouse({ provide: [model()] });
    for (let at = 0; at < 6; at++) await turnOf(host, `note ${at}`);
    await turnOf(host, "/compact");
    const shown = await turnOf(host, "/context");
    expect(shown).toContain("It can read 16,000.");
    for (const part of [
      "Instructions: base",
      "Instructions: workspace",
      "Tools: plinth.compaction (1)",
      "Summary: of earlier messages (1)",
      "History: messages",
    ]) {
      expect(shown).toMatch(new RegExp(`\\| ${part.replaceAll(/[()]/g, "\\$&")}.* \\| [1-9][\\d,]* \\| \\d+\\.\\d % \\|`));
    }
    expect(shown).toMatch(/\| \*\*all\*\* \| [\d,]+ \|/);
  });

  it("is shown in a shell too, also as data", async () => {
    host = await openHouse({ provide: [model()] });
    await turnOf(host, "hello");
    const terminal = { cwd: host.home, columns: 80, json: false, color: false, tty: false, local: true };
    const items: any[] = [];
    for await (const item of host.use("plinth.cli-command").get("context.show").run({ args: {}, options: {}, terminal })) items.push(item);
    expect(items[0].out).toContain("Instructions: base");
    const { session, model: asked, parts } = items[1].result;
    expect([session, asked]).toEqual(["main", "auto"]);
    expect(parts.map(({ title }: any) => title)).toEqual(expect.arrayContaining(["base", "workspace", "date", "plinth.compaction"]));
  });
});
