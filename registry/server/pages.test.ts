import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { hasChromium, launchChromium } from "../../test/chromium.ts";
import { packFiles } from "../pack.ts";
import { publishRemotely } from "../remote-publish.ts";
import { testManifest, testTarball } from "../test-package.ts";
import { startTestRegistry, stopTestRegistries, type TestRegistry } from "./server.testing.ts";

const EVIL = `</pre><script>document.title="owned"</script><img src=x onerror="document.title='owned'">`;
let registry: TestRegistry;
let publisher: { key: Awaited<ReturnType<TestRegistry["publisher"]>>; remote: ReturnType<TestRegistry["remote"]> };

beforeEach(async () => {
  registry = await startTestRegistry({ name: "The test registry" });
  const remote = registry.remote(await registry.token("ann"));
  const key = await registry.publisher("demo", "ann");
  publisher = { key, remote };
  const permissions = { net: ["api.example.com"], fs: ["workspace:ro"], secrets: ["WEATHER_KEY"] };
  for (const version of ["1.0.0", "1.1.0", "2.0.0-beta.1"])
    await publishRemotely(remote, await testTarball("demo.weather", version, { permissions, license: "MIT" }), key);
  const manifest = testManifest("demo.evil", "1.0.0", { title: EVIL.slice(0, 80), description: EVIL });
  const evil = await packFiles([
    ["plinth.json", JSON.stringify(manifest)],
    ["index.js", ""],
    ["README.md", `# Evil\n${EVIL}\u202egnp.exe`],
  ]);
  await publishRemotely(remote, evil, key);
  const finding = { capability: "net", level: "warning", message: `It fetches ${EVIL}`, file: "index.js" } as const;
  await registry.api.storage.findings.put("demo.evil", "1.0.0", [finding]);
});
afterEach(stopTestRegistries);

const text = async (path: string) => (await registry.get(path, { accept: "text/html" })).text();

describe("the pages", () => {
  it("say all there is to judge a package by", async () => {
    const page = await text("package/demo.weather");
    for (const words of [
      "plinth plugins install demo.weather@1.1.0",
      "connect to api.example.com",
      "read the workspace",
      "send the secret WEATHER_KEY",
      "Signed with the key",
      "sha512-",
      "2.0.0-beta.1",
      "MIT",
      "<h3>Weather</h3>",
      "Nothing was found that it did not declare",
    ]) {
      expect(page).toContain(words);
    }
    expect(await text("package/demo.weather/1.0.0")).toContain("install demo.weather@1.0.0");
    expect(await text("publisher/demo")).toContain("demo.weather");
    expect(await text("?q=weather")).toContain("1 package found");
  });

  it("say what vendors of models make of a package's tools", async () => {
    const { key, remote } = publisher;
    const toolOf = (id: string, input: object) => ({
      contract: "plinth.tool",
      version: "1.0.0",
      id,
      descriptor: { description: "x", input, effects: [] },
    });
    const plain = toolOf("look", { type: "object", properties: { city: { type: "string" } } });
    const other = toolOf("odd", { type: "object", properties: { u: { type: "string", format: "uri" } } });
    await publishRemotely(remote, await testTarball("demo.tools", "1.0.0", { provides: [plain] }), key);
    await publishRemotely(remote, await testTarball("demo.tools", "1.1.0", { provides: [plain, other] }), key);
    expect(await text("package/demo.tools/1.0.0")).toContain("Every vendor of models takes its tool as written.");
    expect(await text("package/demo.tools/1.1.0")).toContain("The tool odd is rewritten for Google: /properties/u: It does not take `format`.");
  });

  it("tell at once of what was withdrawn, deprecated and taken away", async () => {
    const admin = await registry.token("root", ["admin"]);
    await registry.call("PUT", "api/v1/packages/demo.weather/versions/1.1.0/yank", admin, { reason: "It loses data" });
    await registry.call("PUT", "api/v1/packages/demo.weather/versions/1.0.0/deprecation", admin, { reason: "Use 3" });
    expect(await text("package/demo.weather/1.1.0")).toContain("Withdrawn:</strong> It loses data");
    expect(await text("package/demo.weather")).toContain("advises against it:</strong> Use 3");
    await registry.call("PUT", "api/v1/moderation/packages/demo.weather/versions/1.0.0/hidden", admin, { reason: "Steals" });
    expect(await text("package/demo.weather/1.0.0")).toContain("Taken away by the registry:</strong> Steals");
  });

  it("show a stranger's text as text", async () => {
    for (const path of [
      "?q=evil",
      "package/demo.evil",
      `?q=${encodeURIComponent(EVIL)}&publisher=${encodeURIComponent('"><script>')}`,
      `package/${encodeURIComponent(EVIL)}`,
    ]) {
      const page = await text(path);
      expect(page).not.toMatch(/<script|<img|onerror="/i);
      expect(page).not.toContain("\u202e");
    }
  });

  it("show a package's read-me as what it means, and take its pictures and addresses for links at most", async () => {
    const { key, remote } = publisher;
    const manifest = testManifest("demo.reader", "1.0.0");
    const lines = [
      "# Reader",
      "",
      '- one\n  1. **two** [docs](https://docs.example/a?b="c) [bad](javascript:alert(1)) <b>raw</b>',
      "",
      "![shot](https://evil.example/track.png) ![x](data:image/png;base64,AA==)",
      "",
      "|a|b|\n|:-:|-|\n|1|2|",
    ];
    const files: [string, string][] = [
      ["plinth.json", JSON.stringify(manifest)],
      ["index.js", ""],
      ["README.md", lines.join("\n")],
    ];
    await publishRemotely(remote, await packFiles(files), key);
    const page = await text("package/demo.reader");
    for (const words of ["<h3>Reader</h3>", "<strong>two</strong>", 'href="https://docs.example/a?b=%22c"', "&lt;b&gt;raw&lt;/b&gt;", "<td>1</td>"])
      expect(page).toContain(words);
    expect(page).toMatch(/<a href="https:\/\/evil\.example\/track\.png" rel="nofollow[^"]*">shot<\/a>/);
    expect(page).not.toMatch(/<img|href="(javascript|data):|style="/);
    const deep = `${">".repeat(2_000)} the bottom\n\n${"- ".repeat(2_000)}the end`;
    const deeper = files.map(([name, body]): [string, string] => (name === "README.md" ? [name, deep] : [name, body.replace('"1.0.0"', '"1.0.1"')]));
    await publishRemotely(remote, await packFiles(deeper), key);
    const bottom = await text("package/demo.reader");
    expect(bottom).toContain("the bottom");
    expect(bottom).toContain("the end");
  });

  it("allow no script, no frame and nothing from elsewhere", async () => {
    const { headers } = await registry.get("package/demo.evil");
    const policy = headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/script-src|unsafe|\*/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it.each(["package/demo.nothing", "package/demo.weather/9.9.9", "package/NOT-AN-ID", "publisher/nobody", "nothing/here"])(
    "say kindly that there is no %s",
    async (path) => {
      const response = await registry.get(path, { accept: "text/html,*/*" });
      expect([response.status, response.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
      expect(await response.text()).toContain("There is no such page");
    },
  );
});

describe.skipIf(!hasChromium)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it("a person without JavaScript finds a package and reads about it, with the keyboard, on a telephone, in the dark", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("requestfailed", (request) => problems.push(request.url()));
    await page.goto(registry.url);
    await page.keyboard.press("Tab");
    await expect.poll(() => page.locator(".skip:focus").count()).toBe(1);
    await page.locator("input[type=search]").focus();
    await page.keyboard.type("weather");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=weather/);
    await page.locator("ul.packages a").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/package\/demo\.weather/);
    expect(await page.locator("h1").innerText()).toBe("Weather");
    const wide = await page
      .locator("body")
      .evaluate((body) => body.ownerDocument.documentElement.scrollWidth > body.ownerDocument.documentElement.clientWidth)
      .catch(() => undefined);
    expect(wide).not.toBe(true);
    if (process.env.PLINTH_SCREENSHOTS)
      await page.screenshot({ path: `${process.env.PLINTH_SCREENSHOTS}/package-telephone-dark.png`, fullPage: true });
    expect(problems).toEqual([]);
    await context.close();
  });

  it("what a stranger wrote does not run, even where scripts may", async () => {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    for (const path of ["package/demo.evil", "?q=evil", "package/demo.weather"]) {
      await page.goto(new URL(path, registry.url).href);
      expect(await page.title()).not.toBe("owned");
      expect(await page.locator("script, img").count()).toBe(0);
      if (process.env.PLINTH_SCREENSHOTS)
        await page.screenshot({ path: `${process.env.PLINTH_SCREENSHOTS}/${path.replaceAll(/\W/g, "-")}.png`, fullPage: true });
    }
    await page.close();
  });
});
