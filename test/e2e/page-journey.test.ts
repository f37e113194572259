import { afterEach, expect, it } from "vitest";
import { hasChromium, launchChromium } from "../chromium.ts";
import { cleanUp, newHome, startGateway } from "./lab.ts";

afterEach(cleanUp);

it.skipIf(!hasChromium)(
  "in the page: talk, see a tool call, install from the conversation, use it in the next message, nothing restarted",
  async () => {
    const gateway = await startGateway(await newHome());
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(`${gateway.url}/#token=${gateway.token}`);
      const send = async (text: string): Promise<void> => {
        await page.fill("textarea#message", text);
        await page.keyboard.press("Escape");
        await page.keyboard.press("Enter");
      };
      await page.waitForSelector("textarea#message:enabled");
      await send("read README.md");
      await page.waitForSelector('.tool-call[data-tool="read"]');
      await page.waitForFunction(() =>
        document.querySelector(".message.assistant:last-of-type, .message.assistant")?.textContent?.includes("Workspace"),
      );
      await send("/plugins install demo.dice");
      await page.locator(".suggestion").first().click();
      await page.waitForFunction(() => document.body.textContent?.includes("installed and ready"));
      await send("roll a dice");
      await page.waitForSelector('.tool-call[data-tool="dice"]');
      await page.waitForFunction(() => /Rolled a die/.test(document.body.textContent ?? ""));
      expect(new URL(page.url()).hash).toBe("");
      expect(problems).toEqual([]);
      expect(gateway.child.exitCode).toBeNull();
      const status = await (await fetch(`${gateway.url}/healthz`)).json();
      expect(status).toMatchObject({ status: "alive" });
    } finally {
      await browser.close();
    }
  },
  90_000,
);
