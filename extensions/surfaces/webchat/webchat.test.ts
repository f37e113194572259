import { PlinthError, type TurnEvent } from "@plinth/sdk";
import type { ScriptedProvider } from "@plinth/sdk/testing";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasChromium, launchChromium } from "../../../test/chromium.ts";
import { bundlePage, servePage } from "./page.testing.ts";
import { SAMPLE_ENTRIES, scriptedChat } from "./scripted-chat.testing.ts";

const ok = (text: string): TurnEvent => ({ type: "end", status: "ok", text });
const echo = async function* ({ text, sessionKey }: { text: string; sessionKey: string }): AsyncGenerator<TurnEvent> {
  yield { type: "start", runId: "r1", sessionKey };
  yield { type: "text", delta: "You said " };
  yield { type: "text", delta: `**${text}**` };
  yield ok(`You said **${text}**`);
};

let assets: Awaited<ReturnType<typeof bundlePage>>;
beforeAll(async () => {
  assets = await bundlePage();
});
afterAll(() => assets.dispose());

describe("the page's files", () => {
  it("come with types, tags and a policy without inline scripts", async () => {
    await using served = await servePage(assets.dir, scriptedChat({ send: echo }));
    const page = await fetch(`${served.url}/`);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(policy).not.toContain("sandbox");
    expect(policy).toContain("frame-ancestors 'none'");
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]*src=)|\son\w+=|style="/);
    for (const [name, type] of [
      ["main.js", "text/javascript"],
      ["style.css", "text/css"],
    ] as const) {
      const file = await fetch(`${served.url}/assets/${name}`);
      expect(file.headers.get("content-type")).toBe(`${type}; charset=utf-8`);
      const again = await fetch(`${served.url}/assets/${name}`, { headers: { "if-none-match": file.headers.get("etag") ?? "" } });
      expect(again.status).toBe(304);
    }
    for (const name of ["nothing.js", "..%2findex.ts", "%2e%2e/plinth.json", "__proto__"]) {
      expect((await fetch(`${served.url}/assets/${name}`)).status, name).toBeGreaterThanOrEqual(400);
    }
  });

  it("stay under 180 kB", async () => {
    await using served = await servePage(assets.dir, scriptedChat({ send: echo }));
    const sizes = await Promise.all(
      ["/", "/assets/main.js", "/assets/style.css"].map(async (path) => (await (await fetch(served.url + path)).bytes()).length),
    );
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(180_000);
  });

  it("say what to do when they were not built", async () => {
    await using served = await servePage("/nowhere", scriptedChat({ send: echo }));
    const response = await fetch(`${served.url}/`);
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: "PLINTH_ASSETS_MISSING", next: expect.stringContaining("build") });
  });
});

describe.skipIf(!hasChromium)("the page in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  async function open(script: Parameters<typeof scriptedChat>[0], options: { hash?: boolean; provide?: ScriptedProvider[] } = {}) {
    const served = await servePage(assets.dir, [...scriptedChat(script), ...(options.provide ?? [])]);
    const context: BrowserContext = await browser.newContext();
    const page: Page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    await page.addInitScript(
      "window.sockets = []; window.WebSocket = class extends WebSocket { constructor(url) { super(url); sockets.push(this); } };",
    );
    page.on("console", (line) => line.type() === "error" && problems.push(line.text()));
    await page.goto(options.hash === false ? served.url : `${served.url}/#token=${served.token}`);
    const send = async (text: string) => {
      await page.locator("textarea#message").fill(text);
      await page.locator("#send").click();
    };
    const online = () => page.locator('#state[data-state="online"]').waitFor();
    return {
      ...served,
      page,
      problems,
      send,
      online,
      async [Symbol.asyncDispose]() {
        await context.close();
        await served[Symbol.asyncDispose]();
      },
    };
  }

  it("takes the token out of the address, connects and answers", async () => {
    await using chat = await open({ send: echo });
    await chat.online();
    expect(chat.page.url()).toBe(`${chat.url}/`);
    await chat.send("hello");
    expect(await chat.page.locator(".message.user").textContent()).toBe("hello");
    await chat.page.locator('.message.assistant[aria-busy="false"] strong').waitFor();
    expect(await chat.page.locator(".message.assistant").textContent()).toBe("You said hello");
    expect(await chat.page.locator("#live").textContent()).toBe("You said **hello**");
    await chat.page.reload();
    await chat.online();
    expect(chat.problems).toEqual([]);
  });

  it("asks for the token when there is none and when it is wrong", async () => {
    await using chat = await open({ send: echo }, { hash: false });
    const token = chat.page.locator("#token");
    await token.fill("wrong");
    await token.press("Enter");
    await chat.page.getByText("The token is not this gateway's token").waitFor();
    await token.fill(`${chat.url}/#token=${chat.token}`);
    await token.press("Enter");
    await chat.online();
    expect(await chat.page.locator("#sign-in").isVisible()).toBe(false);
  });

  it("shows pictures that the host keeps, in messages and in answers; names what it cannot have", async () => {
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAIAAAACUFjqAAAAEklEQVR4nGP4z8CAB+GTG8HSALfKY52fTcuYAAAAAElFTkSuQmCC";
    const asked: string[] = [];
    const route: ScriptedProvider = {
      contract: "plinth.http-route",
      id: "artifacts.read",
      descriptor: { path: "/artifacts/{id}", auth: "token", summary: "x" },
      provider: {
        async *handle({ params }: { params: { id: string } }) {
          asked.push(params.id);
          yield { type: "head", status: params.id === "gone" ? 404 : 200, headers: { "content-type": "image/png" } };
          if (params.id !== "gone") yield { type: "bytes", base64: png };
        },
      } as never,
    };
    const image = (artifact: string, more: object = {}) => ({ type: "image", mimeType: "image/png", artifact, name: `${artifact}.png`, ...more });
    const said = (role: string, ...content: object[]) => ({ body: { kind: "message", message: { role, content } } });
    const entries = () => [
      said("user", { type: "text", text: "like this" }, image("cat", { alt: "A cat" })),
      said("assistant", { type: "text", text: "Here." }, image("gone"), image("page", { mimeType: "text/html" })),
    ];
    await using chat = await open({ send: echo, entries }, { provide: [route] });
    const shown = chat.page.locator('.message.user img[alt="A cat"]');
    await shown.waitFor();
    await expect.poll(() => shown.evaluate((node: any) => node.naturalWidth), { timeout: 10_000 }).toBe(10);
    expect(await chat.page.locator(".message.assistant .part").allTextContents()).toEqual([
      "[image gone.png, image/png]",
      "[image page.png, text/html]",
    ]);
    expect(asked.sort()).toEqual(["cat", "gone"]);
  });

  it("shows the history: messages, tools with arguments and result, commands", async () => {
    await using chat = await open({ send: echo, entries: () => SAMPLE_ENTRIES });
    const tool = chat.page.locator('.tool-call[data-tool="search"]');
    await tool.waitFor();
    expect(await tool.getAttribute("data-status")).toBe("done");
    expect(await tool.locator(".tool-result").isVisible()).toBe(false);
    await tool.locator("summary").click();
    expect(await tool.locator(".tool-args").textContent()).toContain('"query": "harbour"');
    expect(await tool.locator(".tool-result").textContent()).toContain("harbour café");
    expect(await chat.page.locator(".message.user").allTextContents()).toEqual(["Which notes mention the harbour?", "/plugins inspect demo.weather"]);
    expect(await chat.page.locator("pre code").first().textContent()).toBe("grep -n harbour notes/*.md");
    expect(await chat.page.locator("ol li").count()).toBe(2);
    expect(await chat.page.locator("td").allTextContents()).toEqual(["2024-03.md", "12", "trip.md", "4"]);
    expect(await chat.page.locator("a").getAttribute("href")).toBe("https://example.com/harbour");
  });

  it("shows what is nested without end, or repeated, in full, and the rest of the page works", async () => {
    const deep = [
      `${">".repeat(2_000)} the bottom`,
      `${"- ".repeat(2_000)}the end`,
      `${"|-".repeat(10_000)}|`,
      "[".repeat(10_000),
      "# a ".repeat(5_000),
    ];
    const wide = `|a|b|\n|-|-|\n${"|x|y|\n".repeat(1_000)}`;
    await using chat = await open({
      send: async function* () {
        yield { type: "text", delta: `${wide}\n\n${deep.join("\n\n")}` };
        yield ok("done");
      },
    });
    await chat.online();
    await chat.send("go on");
    await chat.page.locator('.message.assistant[aria-busy="false"]').waitFor();
    const text = (await chat.page.locator(".message.assistant").textContent()) ?? "";
    for (const words of ["the bottom", "the end", "[".repeat(10_000)]) expect(text).toContain(words);
    expect(await chat.page.locator(".message.assistant tr").count()).toBe(1_001);
    expect(chat.problems).toEqual([]);
  });

  it("keeps the nodes of what was said while more of it comes", async () => {
    const parts = [
      "# One\n\nfirst ",
      "**bold** and\n\n- a\n- b\n",
      "  - c\n\n> quoted\n> too\n\n",
      "```js\ncode\n",
      "more\n```\n\n1. x\n",
      "2. [y](https://y.example)\n\nlast",
    ];
    const { promise: go, resolve } = Promise.withResolvers<void>();
    await using chat = await open({
      send: async function* () {
        for (const delta of parts.slice(0, 3)) yield { type: "text", delta };
        await go;
        for (const delta of parts.slice(3)) yield { type: "text", delta };
        yield ok(parts.join(""));
      },
    });
    await chat.online();
    await chat.send("go on");
    const prose = chat.page.locator(".message.assistant .prose");
    await prose.locator("blockquote").waitFor();
    await prose.locator("h3").evaluate((node) => node.setAttribute("data-kept", ""));
    resolve();
    await chat.page.locator('.message.assistant[aria-busy="false"]').waitFor();
    expect(await prose.locator("> *").evaluateAll((nodes) => nodes.map((node) => node.tagName))).toEqual([
      "H3",
      "P",
      "UL",
      "BLOCKQUOTE",
      "DIV",
      "OL",
      "P",
    ]);
    expect(await prose.locator("h3").getAttribute("data-kept")).toBe("");
    expect(await prose.locator("ul ul li").textContent()).toBe("c");
    expect(await prose.locator("pre code").textContent()).toBe("code\nmore");
    expect(await prose.locator("ol a").getAttribute("href")).toBe("https://y.example");
  });

  it("never lets what was said become markup", async () => {
    const evil =
      '<img src=x onerror="window.broken=1"> [a](javascript:window.broken=1) [b](https://x.example/"onx) **<b>c</b>** `<i>`\n\n```html\n<script>window.broken=1</script>\n```';
    await using chat = await open({
      send: async function* () {
        yield { type: "tool-start", callId: "1", name: "<u>x</u>", args: { a: "<b>" } };
        yield {
          type: "tool-end",
          callId: "1",
          name: "x",
          result: {
            content: [
              { type: "text", text: evil },
              { type: "image", mimeType: "text/html", base64: "PGI+" },
            ],
          },
        };
        yield { type: "text", delta: evil };
        yield { type: "suggest", suggestions: [{ label: "<b>yes</b>", text: "yes" }] };
        yield ok(evil);
      },
    });
    await chat.online();
    await chat.send(evil);
    await chat.page.locator(".suggestion").waitFor();
    expect(await chat.page.locator(".suggestion span").textContent()).toBe("<b>yes</b>");
    expect(await chat.page.locator(".suggestion code").textContent()).toBe("yes");
    expect(await chat.page.locator("#log img, #log script, #log b, #log i, #log u").count()).toBe(0);
    expect(await chat.page.locator("#log a").evaluateAll((links) => links.map((link) => link.getAttribute("href")))).toEqual([
      "https://x.example/%22onx",
    ]);
    expect(await chat.page.evaluate("window.broken")).toBeUndefined();
    expect(chat.problems).toEqual([]);
  });

  it("shows progress, a failure with its code and next step, and offers suggestions", async () => {
    const go = Promise.withResolvers<void>();
    const sent: string[] = [];
    await using chat = await open({
      send: async function* ({ text }) {
        sent.push(text);
        yield { type: "progress", text: "Downloading" };
        yield { type: "warning", code: "PLINTH_MODEL_TOOLS", message: 'The tool "bad" of the extension acme.bad is left out.' };
        await go.promise;
        yield { type: "suggest", suggestions: [{ label: "Install", text: "/plugins confirm 1" }] };
        yield {
          type: "end",
          status: "error",
          text: "",
          error: { code: "PLINTH_CONSENT_NEEDED", message: "It waits.", next: "Say yes.", extension: "demo.x" },
        };
      },
    });
    await chat.online();
    await chat.send("/plugins install demo.x");
    await chat.page.getByText("Downloading").waitFor();
    await chat.page.getByText('The tool "bad" of the extension acme.bad is left out.').waitFor();
    go.resolve();
    const notice = chat.page.locator(".notice.error");
    await notice.waitFor();
    expect(await notice.textContent()).toMatch(/It waits\.\s*Say yes\.\s*PLINTH_CONSENT_NEEDED · demo\.x/);
    expect(await chat.page.locator(".progress").count()).toBe(0);
    await chat.page.locator(".suggestion", { hasText: "Install" }).click();
    await expect.poll(() => sent).toEqual(["/plugins install demo.x", "/plugins confirm 1"]);
  });

  it("shows what stands between backticks in a failure as code, and nothing else of it as more than text", async () => {
    await using chat = await open({
      send: async function* () {
        const next = "Run `plinth init <b>`, **now**. <img src=x onerror=window.broken=1> A ` alone, `[2J`.";
        yield { type: "end", status: "error", text: "", error: { code: "PLINTH_MODEL_NONE", message: "No `model` can answer.", next } };
      },
    });
    await chat.online();
    await chat.send("hello");
    const notice = chat.page.locator(".notice.error");
    await notice.waitFor();
    expect(await notice.locator("code").allTextContents()).toEqual(expect.arrayContaining(["model", "plinth init <b>"]));
    expect(await notice.textContent()).toContain("No model can answer.");
    expect(await notice.textContent()).toContain("**now**. <img src=x onerror=window.broken=1> A");
    expect(await notice.locator("img, b").count()).toBe(0);
    expect(await chat.page.evaluate("window.broken")).toBeUndefined();
    expect(chat.problems).toEqual([]);
  });

  it("stops a running turn", async () => {
    const aborted: unknown[] = [];
    const stopped = Promise.withResolvers<void>();
    await using chat = await open({
      send: async function* () {
        yield { type: "text", delta: "Long" };
        await stopped.promise;
        yield { type: "end", status: "aborted", text: "Long" };
      },
      abort: (input) => {
        aborted.push(input);
        stopped.resolve();
      },
    });
    await chat.online();
    expect(await chat.page.locator("#stop").isVisible()).toBe(false);
    await chat.send("go");
    await chat.page.locator("#stop").click();
    await chat.page.getByText("Stopped.").waitFor();
    expect(aborted).toEqual([{ sessionKey: "main" }]);
    expect(await chat.page.locator("#stop").isVisible()).toBe(false);
  });

  it("completes commands and subcommands with the keyboard", async () => {
    const sent: string[] = [];
    await using chat = await open({
      send: async function* ({ text }) {
        sent.push(text);
        yield ok("done");
      },
    });
    await chat.online();
    const field = chat.page.locator("textarea#message");
    const options = chat.page.locator("#commands [role=option]");
    await field.pressSequentially("/");
    await expect.poll(() => options.count()).toBe(4);
    await field.press("ArrowDown");
    await field.press("ArrowDown");
    const active = await field.getAttribute("aria-activedescendant");
    expect(await chat.page.locator(`#${active}`).textContent()).toContain("/plugins");
    await field.press("Tab");
    expect(await field.inputValue()).toBe("/plugins ");
    await field.pressSequentially("in");
    await expect.poll(() => options.locator(".command-name").allTextContents()).toEqual(["install", "inspect"]);
    await field.press("Enter");
    expect(await field.inputValue()).toBe("/plugins install ");
    await field.pressSequentially("demo.weather");
    await field.press("Enter");
    await expect.poll(() => sent).toEqual(["/plugins install demo.weather"]);
    await field.pressSequentially("/he");
    await field.press("Escape");
    expect(await options.first().isVisible()).toBe(false);
    await field.fill("/status");
    await field.press("Enter");
    await expect.poll(() => sent.at(-1)).toBe("/status");
    await field.fill("/plugins ");
    await field.press("Enter");
    await expect.poll(() => sent.at(-1)).toBe("/plugins");
  });

  it("sends on Enter and breaks the line on Shift+Enter", async () => {
    await using chat = await open({ send: echo });
    await chat.online();
    const field = chat.page.locator("textarea#message");
    await field.pressSequentially("one");
    await field.press("Shift+Enter");
    await field.pressSequentially("two");
    expect(await chat.page.locator(".message.user").count()).toBe(0);
    await field.press("Enter");
    expect(await chat.page.locator(".message.user").textContent()).toBe("one\ntwo");
    expect(await field.inputValue()).toBe("");
  });

  it("keeps sessions apart and lets one go on while another is shown", async () => {
    const go = Promise.withResolvers<void>();
    await using chat = await open({
      sessions: ["main", "other"],
      entries: (key) => (key === "other" ? SAMPLE_ENTRIES : []),
      send: async function* ({ sessionKey }) {
        yield { type: "text", delta: `Here is ${sessionKey}` };
        await go.promise;
        yield { type: "text", delta: ", finished" };
        yield ok("");
      },
    });
    await chat.online();
    await chat.send("begin");
    await chat.page.getByText("Here is main").waitFor();
    await chat.page.locator("#session").selectOption("other");
    await chat.page.locator(".tool-call").waitFor();
    expect(await chat.page.locator("#stop").isVisible()).toBe(false);
    go.resolve();
    await chat.page.locator("#session").selectOption("main");
    await chat.page.getByText("Here is main, finished").waitFor();
    await chat.page.locator("#new-session").click();
    await chat.page.locator(".welcome").waitFor();
    expect(await chat.page.locator("#session").inputValue()).toMatch(/^web-/);
  });

  it("says that it is offline and comes back by itself", async () => {
    await using chat = await open({ send: echo });
    await chat.online();
    const port = Number(new URL(chat.url).port);
    await chat.host.use("plinth.service").get("gateway").stop({});
    await chat.page.locator('#state:not([data-state="online"])').waitFor();
    await chat.page.locator("textarea#message").fill("hello");
    expect(await chat.page.locator("#send").isDisabled()).toBe(true);
    await chat.host.use("plinth.service").get("gateway").start({ options: { port } });
    await chat.online();
    await chat.page.locator("#send").click();
    await chat.page.locator(".message.assistant strong").waitFor();
  });

  it("follows a turn again that went on while the connection was broken, and says what did not arrive", async () => {
    const go = Promise.withResolvers<void>();
    const sent: string[] = [];
    let aborted = false;
    const turn = async function* (text: string): AsyncGenerator<TurnEvent> {
      yield { type: "text", delta: "Half of it" };
      await go.promise;
      yield { type: "text", delta: `, and the rest of ${text}` };
      yield ok("");
    };
    await using chat = await open({
      entries: () =>
        sent.length === 1
          ? [{ runId: sent[0], body: { kind: "message", message: { role: "user", content: [{ type: "text", text: "build it" }] } } }]
          : [],
      send: async function* ({ text, runId }, { signal }) {
        sent.push(runId);
        signal.addEventListener("abort", () => (aborted = true));
        yield* turn(text);
      },
      follow: async function* ({ runId }) {
        if (runId !== sent[0]) throw new PlinthError("PLINTH_RUN_UNKNOWN", "No.");
        for await (const event of turn("build it")) yield { cursor: "1", sessionKey: "main", runId, event };
      },
    });
    await chat.online();
    await chat.send("build it");
    await chat.page.getByText("Half of it").waitFor();
    await chat.page.evaluate("sockets.at(-1).close()");
    await chat.page.locator(".notice", { hasText: "The connection was lost" }).waitFor();
    await chat.online();
    await chat.page.locator('.message.assistant[aria-busy="true"]').waitFor();
    expect(await chat.page.locator("#stop").isVisible()).toBe(true);
    go.resolve();
    await chat.page.locator(".message.assistant", { hasText: "and the rest of build it" }).waitFor();
    expect(await chat.page.locator(".message.user").allTextContents()).toEqual(["build it"]);
    expect([sent.length, aborted]).toEqual([1, false]);

    await chat.page.evaluate("sockets.at(-1).send = () => {}");
    await chat.send("into the void");
    await chat.page.evaluate("sockets.at(-1).close()");
    await chat.page.locator(".notice.error", { hasText: "It did not arrive before that" }).waitFor();
    expect(await chat.page.locator(".message.user").last().textContent()).toBe("into the void");
    expect(sent.length).toBe(1);
  });

  it("fits a narrow phone", async () => {
    await using chat = await open({ send: echo, entries: () => SAMPLE_ENTRIES });
    await chat.page.setViewportSize({ width: 360, height: 640 });
    await chat.page.locator(".tool-call").waitFor();
    expect(await chat.page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    expect(await chat.page.locator("#state").isVisible()).toBe(true);
  });
});
