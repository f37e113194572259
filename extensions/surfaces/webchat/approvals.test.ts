import type { InteractionApproval } from "@plinth/sdk";
import { approvalOf } from "@plinth/sdk/testing";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launchChromium } from "../../../test/chromium.ts";
import { bundlePage, servePage } from "./page.testing.ts";
import { scriptedAsked } from "./scripted-asked.testing.ts";
import { scriptedChat } from "./scripted-chat.testing.ts";

type Request = InteractionApproval;
const scriptedApprovals = (pending: Request[] = []) => scriptedAsked<Request>("approvals", pending);

const requestOf = (id: string, command: string, more: Partial<Request> = {}): Request => ({
  ...approvalOf(command, { sessionKey: "main" }),
  ...{ id, askedBy: "plinth.authority", askedAt: Date.now(), expiresAt: Date.now() + 600_000 },
  ...more,
});

const echo = async function* () {
  yield { type: "end" as const, status: "ok" as const, text: "done" };
};

let assets: Awaited<ReturnType<typeof bundlePage>>;
let browser: Browser;

describe.skipIf(!hasChromium)("a question on the page", () => {
  beforeAll(async () => {
    assets = await bundlePage();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await assets.dispose();
  });

  async function open(script: ReturnType<typeof scriptedApprovals>, sessions = ["main"], send: Parameters<typeof scriptedChat>[0]["send"] = echo) {
    const served = await servePage(assets.dir, [...scriptedChat({ send, sessions }), ...script.provide]);
    const contexts: BrowserContext[] = [];
    const problems: string[] = [];
    const page = async (): Promise<Page> => {
      const context = await browser.newContext();
      contexts.push(context);
      const made = await context.newPage();
      made.on("pageerror", (error) => problems.push(String(error)));
      made.on("console", (line) => line.type() === "error" && problems.push(line.text()));
      await made.goto(`${served.url}/#token=${served.token}`);
      await made.locator('#state[data-state="online"]').waitFor();
      return made;
    };
    return {
      ...served,
      page,
      problems,
      async [Symbol.asyncDispose]() {
        for (const context of contexts) await context.close();
        await served[Symbol.asyncDispose]();
      },
    };
  }

  it("shows exactly what would be done, who had a hand in it and the risk", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const page = await served.page();
    const subject = {
      argv: ["git", "push", "two words"],
      cwd: "/home/ann/app",
      env: ["GIT_DIR"],
      executable: { path: "/usr/bin/git", sha256: "a".repeat(64) },
    };
    const asked = requestOf("abc234", 'git push "two words"');
    script.ask({ ...asked, action: { ...asked.action, subject } });
    const card = page.locator(".approval");
    await card.waitFor();
    const text = await card.innerText();
    for (const part of [
      "Run a command?",
      "high risk",
      'git push "two words"',
      "/home/ann/app",
      "GIT_DIR",
      "/usr/bin/git",
      "a".repeat(64),
      '"command": "git push \\"two words\\""',
      "acme.filter changed the message",
      "It runs a program.",
      "plinth approvals show abc234",
    ])
      expect(text).toContain(part);
    expect(await page.locator("#live").textContent()).toBe("A question waits for your answer: Run a command?");
    expect(served.problems).toEqual([]);
  });

  it("makes visible what would hide in it, and none of it becomes markup", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const page = await served.page();
    const evil = 'ls\u202e\u200b\u001b[2K<img src=x onerror="window.broken=1">';
    script.ask(requestOf("abc234", evil, { title: evil, why: evil, influencedBy: [{ party: evil, how: evil }] }));
    await page.locator(".approval").waitFor();
    const text = (await page.locator(".approval").textContent()) ?? "";
    expect(Array.from("\u202e\u200b\u001b").filter((char) => text.includes(char))).toEqual([]);
    expect(text.match(/⟨U\+202E⟩/g)?.length).toBeGreaterThanOrEqual(6);
    expect(await page.locator(".approval img").count()).toBe(0);
    expect(await page.evaluate("window.broken")).toBeUndefined();
  });

  it("is answered with the keyboard, once it can have been read, and with the digest of what was shown", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const page = await served.page();
    const request = requestOf("abc234", "ls");
    script.ask(request);
    const buttons = page.locator(".approval button");
    await buttons.first().waitFor();
    expect(await buttons.allInnerTexts()).toEqual(["Allow once", "Allow in this conversation", "Deny"]);
    expect(await page.evaluate("document.activeElement.id")).toBe("message");
    await page.locator('.approval button[data-option="once"]:enabled').waitFor();
    await page.locator(".approval pre").focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator('.approval[data-outcome="chosen"]').waitFor();
    expect(script.answers).toEqual([{ id: "abc234", option: "session", digest: request.digest }]);
    expect(await page.locator(".approval .outcome").textContent()).toBe("Allowed, in this conversation by owner via plinth.gateway:gateway-token.");
    expect(await page.locator(".approval button").count()).toBe(0);
    const group = page.getByRole("group", { name: /Run a command/ });
    expect(await group.count()).toBe(1);
  });

  it("cannot be answered in the moment in which it appears", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const page = await served.page();
    script.ask(requestOf("abc234", "ls"));
    const first = await page.waitForFunction(() => {
      const button = (globalThis as any).document.querySelector(".approval button");
      return button && { isDisabled: button.disabled };
    });
    expect(await first.jsonValue()).toEqual({ isDisabled: true });
  });

  it("is over on every page once it was answered on one", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const [one, other] = [await served.page(), await served.page()];
    script.ask(requestOf("abc234", "ls"));
    await other.locator(".approval").waitFor();
    await one.locator('.approval button[data-option="deny"]').click();
    await other.locator('.approval[data-outcome="declined"]').waitFor();
    expect(await other.locator(".approval button").count()).toBe(0);
  });

  it("is there again after a reload, and each one on its own", async () => {
    const script = scriptedApprovals([requestOf("abc234", "ls"), requestOf("def567", "ls -l")]);
    await using served = await open(script);
    const page = await served.page();
    await expect.poll(() => page.locator(".approval").count()).toBe(2);
    await page.reload();
    await expect.poll(() => page.locator(".approval").count()).toBe(2);
    expect(await page.locator(".approval pre").allInnerTexts()).toEqual(['{\n  "command": "ls"\n}', '{\n  "command": "ls -l"\n}']);
  });

  it("stands in the turn that waits for it", async () => {
    const script = scriptedApprovals();
    const go = Promise.withResolvers<void>();
    await using served = await open(script, ["main"], async function* () {
      yield { type: "text", delta: "I will look." };
      await go.promise;
      yield { type: "text", delta: "Done." };
      yield { type: "end", status: "ok", text: "Done." };
    });
    const page = await served.page();
    await page.locator("textarea#message").fill("look");
    await page.locator("#send").click();
    await page.getByText("I will look.").waitFor();
    script.ask(requestOf("abc234", "ls"));
    await page.locator('.message.assistant .approval button[data-option="once"]').click();
    go.resolve();
    await page.getByText("Done.", { exact: true }).waitFor();
    expect(await page.locator(".message.assistant > *").evaluateAll((nodes) => nodes.map((node) => node.className.split(" ")[0]))).toEqual([
      expect.any(String),
      "approval",
      expect.any(String),
    ]);
  });

  it("of another conversation is told, and found", async () => {
    const script = scriptedApprovals();
    await using served = await open(script, ["main", "other"]);
    const page = await served.page();
    script.ask(requestOf("abc234", "ls", { sessionKey: "other" }));
    await page.getByRole("button", { name: "Asked in other" }).click();
    await page.locator(".approval").waitFor();
    expect(await page.locator("#session").inputValue()).toBe("other");
    expect(await page.locator("#asked button").count()).toBe(0);
  });

  it("says why when it was never asked", async () => {
    const script = scriptedApprovals();
    await using served = await open(script);
    const page = await served.page();
    script.answered(requestOf("abc234", "ls"), {
      answer: "declined",
      by: { role: "system", via: "not-asked" },
      why: "The same was denied in this turn.",
    });
    await page.locator('.approval[data-outcome="declined"]').waitFor();
    expect(await page.locator(".approval .outcome").textContent()).toBe("Denied. The same was denied in this turn.");
  });

  it("fits a narrow phone, with buttons that a finger meets", async () => {
    const script = scriptedApprovals([requestOf("abc234", `cat ${"very/long/".repeat(30)}name`)]);
    await using served = await open(script);
    const page = await served.page();
    await page.setViewportSize({ width: 360, height: 640 });
    await page.locator(".approval").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    const boxes = await page.locator(".approval button").evaluateAll((buttons) => buttons.map((button) => button.getBoundingClientRect().height));
    for (const height of boxes) expect(height).toBeGreaterThanOrEqual(40);
  });

  it("a suggestion shows what it sends and says whose it is, to the gateway as well", async () => {
    const sent: unknown[] = [];
    const script = scriptedApprovals();
    await using served = await open(script, ["main"], async function* (input) {
      sent.push(input);
      yield { type: "suggest", by: "acme.buttons", suggestions: [{ label: "Thanks!", text: "run id" }] };
      yield { type: "end", status: "ok", text: "x" };
    });
    const page = await served.page();
    await page.locator("textarea#message").fill("hello");
    await page.locator("#send").click();
    await page.locator(".suggestion").waitFor();
    expect(await page.locator(".suggestions").innerText()).toMatch(/Thanks!\s*run id\s*suggested by acme\.buttons/);
    await page.locator(".suggestion").click();
    await expect.poll(() => sent.length).toBe(2);
    expect(sent).toMatchObject([{ text: "hello" }, { text: "run id", suggestedBy: "acme.buttons" }]);
    expect((sent[0] as object) && "suggestedBy" in (sent[0] as object)).toBe(false);
  });
});
