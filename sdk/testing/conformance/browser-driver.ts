import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Driver = Client<"plinth.browser-driver">;

export interface BrowserDriverSubject extends Opening<Driver> {
  /** A page that says `not pressed`, with a button `Press me` that makes it say `pressed`, and a text field named `Name`. */
  url: string;
  /** An address that may not be reached. */
  forbidden: string;
}

const one = casesOf<Driver, BrowserDriverSubject>("plinth.browser-driver");

async function opened(driver: Driver, url: string): Promise<string> {
  await driver.start({});
  return (await driver.open({ url })).tab.tab;
}

/** The ref in the line of a snapshot that holds these words. */
export function refOf(text: string, words: string): string {
  const line = text.split("\n").find((each) => each.includes(words)) ?? "";
  const ref = /\[ref=([^\]]+)\]/.exec(line)?.[1];
  assert.ok(ref !== undefined, `a ref for ${words} in ${text.slice(0, 2_000)}`);
  return ref;
}

/** What `plinth.browser-driver` asks of every driver. A snapshot names elements as `[ref=…]`. */
export const browserDriverConformance: readonly ConformanceCase<BrowserDriverSubject>[] = [
  one("starts, opens, shows, closes and stops", async (driver, { url }) => {
    const tab = await opened(driver, url);
    assert.equal((await driver.status({})).running, true);
    assert.ok((await driver.tabs({})).tabs.some((each) => each.tab === tab && each.url === url));
    assert.deepEqual(await driver.close({ tab }), { closed: true });
    assert.deepEqual(await driver.close({ tab }), { closed: false });
    await assertCode(driver.snapshot({ tab }), "PLINTH_BROWSER_TAB");
    await driver.stop({});
    assert.equal((await driver.status({})).running, false);
  }),
  one("does what it is told on what a snapshot names", async (driver, { url }) => {
    const tab = await opened(driver, url);
    const { text, refs } = await driver.snapshot({ tab });
    assert.ok(text.includes("not pressed") && refs >= 2);
    const { done } = await driver.act({
      tab,
      actions: [
        { kind: "type", ref: refOf(text, "Name"), text: "Ann" },
        { kind: "click", ref: refOf(text, "Press me") },
      ],
    });
    assert.equal(done, 2);
    const after = await driver.snapshot({ tab });
    assert.ok(!after.text.includes("not pressed") && after.text.includes("pressed"));
    await driver.stop({});
  }),
  one("refuses a ref of an older page", async (driver, { url }) => {
    const tab = await opened(driver, url);
    const ref = refOf((await driver.snapshot({ tab })).text, "Press me");
    await driver.navigate({ tab, go: "reload" });
    await assertCode(driver.act({ tab, actions: [{ kind: "click", ref }] }), "PLINTH_BROWSER_REF");
    await driver.stop({});
  }),
  one("goes nowhere that it may not", async (driver, { forbidden, url }) => {
    const tab = await opened(driver, url);
    await assertCode(driver.open({ url: forbidden }), "PLINTH_BROWSER_ADDRESS");
    await assertCode(driver.navigate({ tab, url: forbidden }), "PLINTH_BROWSER_ADDRESS");
    await driver.stop({});
  }),
  one("gives a picture of the page", async (driver, { url }) => {
    const tab = await opened(driver, url);
    const { image } = await driver.screenshot({ tab });
    assert.equal(image.type, "image");
    await driver.stop({});
  }),
];
