import type { InteractionField, InteractionQuestion } from "@plinth/sdk";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launchChromium } from "../../../test/chromium.ts";
import { bundlePage, servePage } from "./page.testing.ts";
import { scriptedAsked } from "./scripted-asked.testing.ts";
import { scriptedChat } from "./scripted-chat.testing.ts";

const asked = (more: Partial<InteractionQuestion>): InteractionQuestion => ({
  kind: "form",
  ...{ id: "abc234", sessionKey: "main", runId: "r", title: "Book a table", from: "mcp:bistro", tool: "mcp__bistro__book", message: "For when?" },
  ...{ digest: "d".repeat(64), askedBy: "plinth.tools", askedAt: Date.now(), expiresAt: Date.now() + 600_000, options: [], fields: [] },
  ...more,
});

const FIELDS: InteractionField[] = [
  { name: "name", title: "Name", description: "As on the card.", type: "text", required: true },
  { name: "day", title: "Day", type: "text", format: "date", required: true },
  { name: "count", title: "People", type: "integer", required: true, default: 2 },
  {
    name: "room",
    title: "Room",
    type: "choice",
    required: false,
    options: [
      { id: "in", label: "Inside" },
      { id: "out", label: "Garden" },
    ],
  },
  {
    name: "diets",
    title: "Diets",
    type: "choices",
    required: false,
    options: [
      { id: "v", label: "Vegan" },
      { id: "n", label: "No nuts" },
    ],
  },
  { name: "terms", title: "I agree to the terms", type: "boolean", required: true },
  { name: "note", title: "Note", type: "text", long: true, required: false },
];

let assets: Awaited<ReturnType<typeof bundlePage>>;
let browser: Browser;

describe.skipIf(!hasChromium)("a tool's question on the page", () => {
  beforeAll(async () => {
    assets = await bundlePage();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await assets.dispose();
  });

  async function open(question: InteractionQuestion, viewport = { width: 900, height: 900 }) {
    const script = scriptedAsked<InteractionQuestion>("questions", [question]);
    const echo = async function* () {
      yield { type: "end" as const, status: "ok" as const, text: "done" };
    };
    const served = await servePage(assets.dir, [...scriptedChat({ send: echo }), ...script.provide]);
    const context: BrowserContext = await browser.newContext({ viewport });
    const page: Page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.goto(`${served.url}/#token=${served.token}`);
    await page.locator(".question button:enabled").first().waitFor();
    return {
      ...{ page, script, problems },
      async [Symbol.asyncDispose]() {
        await context.close();
        await served[Symbol.asyncDispose]();
      },
    };
  }

  it("is a form that says whose it is, filled in by keyboard alone", async () => {
    await using it = await open(asked({ fields: FIELDS }));
    const { page, script } = it;
    const text = await page.locator(".question").innerText();
    for (const part of ["mcp:bistro asks", "mcp__bistro__book", "For when?", "As on the card.", "plinth questions show abc234"])
      expect(text).toContain(part);
    await page.getByLabel("Name").focus();
    await page.keyboard.type("Ann");
    await page.keyboard.press("Tab");
    await page.keyboard.type("02032026");
    for (let n = 0; n < 4 && !(await page.getByLabel("People").evaluate((node) => node.ownerDocument.activeElement === node)); n++)
      await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.type("G");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await page.getByLabel("Name").focus();
    await page.keyboard.press("Enter");
    await page.locator('.question[data-outcome="chosen"]').waitFor();
    expect(script.answers).toEqual([
      { id: "abc234", digest: "d".repeat(64), values: { name: "Ann", day: "2026-02-03", count: 2, room: "out", diets: ["v"], terms: true } },
    ]);
    expect(await page.locator(".question .outcome").textContent()).toContain("Name: Ann");
    expect(it.problems).toEqual([]);
  });

  it("works whatever its fields are called", async () => {
    const names = ["querySelectorAll", "remove", "addEventListener", "elements", "__proto__"];
    const fields = names.map((name) => ({ name, title: name, type: "text" as const, required: true }));
    await using it = await open(asked({ fields }));
    for (const name of names) await it.page.getByLabel(name).fill(name);
    await it.page.getByRole("button", { name: "Answer", exact: true }).click();
    await it.page.locator('.question[data-outcome="chosen"]').waitFor();
    expect(Object.entries(it.script.answers[0]?.values ?? {})).toEqual(names.map((name) => [name, name]));
    expect(it.problems).toEqual([]);
  });

  it("is not sent while something that is wanted is missing, and can be left unanswered", async () => {
    await using it = await open(asked({ fields: FIELDS }));
    await it.page.getByRole("button", { name: "Answer", exact: true }).click();
    expect(it.script.answers).toEqual([]);
    await it.page.getByRole("button", { name: "Do not answer" }).click();
    await it.page.locator('.question[data-outcome="declined"]').waitFor();
    expect(it.script.answers).toEqual([{ id: "abc234", digest: "d".repeat(64), decline: true }]);
  });

  it("is a choice whose buttons fit a narrow phone; what is said becomes no markup", async () => {
    const label = '<img src=x onerror="window.broken=1">\u202e';
    const options = ["Red", label, "x".repeat(180)].map((one, at) => ({ id: String(at), label: one, style: "normal" as const }));
    await using it = await open(asked({ kind: "choice", options, message: `${label} ${"long ".repeat(200)}` }), { width: 360, height: 640 });
    const { page } = it;
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    const heights = await page.locator(".question button").evaluateAll((buttons) => buttons.map((one) => one.getBoundingClientRect().height));
    for (const height of heights) expect(height).toBeGreaterThanOrEqual(40);
    expect(await page.evaluate("window.broken")).toBeUndefined();
    expect(await page.locator(".question").innerText()).toContain("⟨U+202E⟩");
    await page.locator(".question button").nth(1).click();
    await page.locator('.question[data-outcome="chosen"]').waitFor();
    expect(it.script.answers).toMatchObject([{ option: "1" }]);
  });

  it("shows a secret to nobody who looks, and a page by its whole address, opened by nobody but the person", async () => {
    const secret = { name: "text", title: "Key", type: "secret" as const, required: true };
    {
      await using it = await open(asked({ kind: "secret", fields: [secret] }));
      const field = it.page.getByLabel("Key");
      expect(await field.getAttribute("type")).toBe("password");
      await field.fill("hunter2");
      await it.page.keyboard.press("Enter");
      await expect.poll(() => it.script.answers.length, { timeout: 10_000 }).toBe(1);
      expect(it.script.answers).toMatchObject([{ values: { text: "hunter2" } }]);
    }
    const url = "https://id.example/sign-in?for=ann";
    await using it = await open(asked({ kind: "url", url, options: [{ id: "done", label: "I have done it", style: "primary" }] }));
    const link = it.page.locator(".question a");
    expect([await link.innerText(), await link.getAttribute("href"), await link.getAttribute("rel")]).toEqual([url, url, "noopener noreferrer"]);
    expect(it.page.context().pages()).toHaveLength(1);
  });
});
