import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageOrigin, ModelMessage } from "@plinth/sdk";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Process } from "./store.testing.ts";
import { titleFrom } from "./title.ts";

const owner: MessageOrigin = { by: "owner", via: "page" };
const said = (text: string): ModelMessage => ({ role: "user", content: [{ type: "text", text }] });
const titleOf = (text: string, origin = owner) => titleFrom(said(text), origin);

describe("a title", () => {
  it.each([
    ["Plan a week in Oslo. We are two.", "Plan a week in Oslo"],
    ["Why is the sky blue? And the sea?", "Why is the sky blue?"],
    ["see e.g. the notes of 3.5 and go on", "see e.g. the notes of 3.5 and go on"],
    ["## **Fix** the `build`\nIt fails.", "Fix the build"],
    ["> - [x] read [the docs](https://example.org/a) *now*", "[x] read the docs now"],
    ["![a picture](x.png) what is this", "a picture what is this"],
    ["```ts\nconst snake_case = 1\n```\nwhy", "const snake_case = 1"],
    ["<b>bold</b> <!-- not this --> words", "bold words"],
    ["\n\n   \nthird line", "third line"],
    ["今天天气怎么样。我想出去。", "今天天气怎么样"],
    ["Hello\u202e there", "Hello⟨U+202E⟩ there"],
    ["wait...", "wait..."],
    ["/etc/hosts is empty", "/etc/hosts is empty"],
  ])("of %j is %j", (text, title) => {
    expect(titleOf(text)).toBe(title);
  });

  it("ends at a word's end where the sentence is longer than it may be", () => {
    const title = titleOf("Please write a letter to the landlord about the heating that has not worked since Monday")!;
    expect(title).toBe("Please write a letter to the landlord about the heating…");
    expect(titleOf("x".repeat(100))).toBe(`${"x".repeat(59)}…`);
    expect(titleOf(`xy${"🦊".repeat(40)}`)).toMatch(/^xy(?:🦊)+…$/u);
  });

  it.each(["/new", "/model gpt", "", " \n ", "...", "👍"])("is not made of %j", (text) => {
    expect(titleOf(text)).toBeUndefined();
  });

  it("says whose words it has where they are not the owner's, and of the host's own there is none", () => {
    expect(titleOf("Hello. I am new", { by: "guest", via: "telegram" })).toBe("[telegram] Hello");
    expect(titleOf("Do it", { ...owner, influences: [{ party: "acme.filter", how: "changed message.received" }] })).toBe("[acme.filter] Do it");
    expect(titleOf("a ".repeat(80), { by: "guest", via: "x".repeat(300) })!.length).toBeLessThanOrEqual(60);
    expect(titleOf("wake up", { by: "system" })).toBeUndefined();
  });

  it("is one short line of whole characters, whatever was said, and made at once", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.stringMatching(/^[<[(*_`>#\- a.]{0,2000}$/)), (text) => {
        const title = titleOf(text);
        if (title === undefined) return;
        expect(title.length).toBeLessThanOrEqual(60);
        expect(title).not.toMatch(/[\n\r]/);
        expect(title.isWellFormed()).toBe(true);
      }),
    );
    for (const hostile of ["<!--", "[", "<a", "![a](", "*", "> ", "`"]) titleOf(hostile.repeat(1_000_000 / hostile.length));
  });
});

describe("a session", () => {
  let dir: string;
  let store: Process;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "plinth-title-"));
    store = await Process.open({ dir });
  });
  afterEach(() => {
    store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  let runs = 0;
  async function say(text: string, origin = owner, key = "s"): Promise<string | undefined> {
    const runId = `r${runs++}`;
    await store.beginRun({ key, runId, message: said(text) }, { origin, payer: null });
    await store.endRun({ key, runId, status: "ok" });
    return titled(key);
  }
  const titled = async (key = "s") => (await store.store.catalogue.get({ key })).session?.title;

  it("is called by its first words, and keeps that name", async () => {
    await store.append({ key: "s", bodies: [{ kind: "command", command: "/model x", answer: "ok" }] });
    expect(await say("wake up", { by: "system" })).toBeUndefined();
    expect(await say("Plan a trip. Soon.")).toBe("Plan a trip");
    expect(await say("Something else")).toBe("Plan a trip");
    expect((await store.store.catalogue.get({ key: "s" })).session).not.toHaveProperty("made");
  });

  it("keeps the name that somebody gave it, and none where somebody took it away", async () => {
    await store.store.catalogue.create({ key: "s", title: "Mine" });
    expect(await say("Plan a trip")).toBe("Mine");
    await store.store.catalogue.update({ key: "s", title: null }, owner);
    expect(await say("Plan a trip")).toBeUndefined();
    await store.store.catalogue.reset({ key: "s", reason: "asked" }, { origin: owner, payer: null });
    expect(await say("Plan a trip")).toBeUndefined();
  });

  it("is called anew after a reset, unless somebody gave it its name; a fork is called as what it is of", async () => {
    await say("Plan a trip");
    await store.store.transfer.fork({ key: "s", to: "t" }, { origin: owner, payer: null });
    expect(await titled("t")).toBe("Plan a trip");
    await store.store.catalogue.reset({ key: "s", reason: "asked" }, { origin: owner, payer: null });
    expect(await titled()).toBeUndefined();
    expect(await say("Bake a cake")).toBe("Bake a cake");
    await store.store.catalogue.update({ key: "s", title: "Cakes" }, owner);
    await store.setHead({ key: "s", head: null });
    expect(await say("Buy flour")).toBe("Cakes");
  });
});
