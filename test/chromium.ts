import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Whether this machine has a browser; without one, the tests that look at pages say so and are left out. */
export const hasChromium = executablePath !== undefined;
if (!hasChromium) console.warn("skipped: looking at pages needs Chromium (Debian's package chromium), which is not here");

export const launchChromium = (): Promise<Browser> => chromium.launch({ executablePath: executablePath as string, args: ARGS });
