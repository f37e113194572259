import assert from "node:assert/strict";
import type { Address, Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Delivery = Client<"plinth.delivery">;

export interface DeliverySubject extends Opening<Delivery> {
  /** Where messages arrive. */
  to: Address;
  /** How many have arrived there with this text. */
  arrived(text: string): number | Promise<number>;
  /** A session that is read there. */
  sessionKey?: string;
}

const one = casesOf<Delivery, DeliverySubject>("plinth.delivery");
const saying = (text: string) => ({ content: [{ type: "text" as const, text }] });
const OVER = new Set(["sent", "partial", "failed", "suppressed", "unknown"]);

async function settled(delivery: Delivery, key: string): Promise<string> {
  for (let tries = 0; tries < 400; tries++) {
    const { status } = (await delivery.get({ key })).delivery;
    if (OVER.has(status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return "pending";
}

/** What `plinth.delivery` asks of whoever brings messages to people. */
export const deliveryConformance: readonly ConformanceCase<DeliverySubject>[] = [
  one("brings a message, and says what became of it", async (delivery, { to, arrived }) => {
    const { fresh } = await delivery.send({ to, key: "one", ...saying("one") });
    assert.equal(fresh, true);
    assert.equal(await settled(delivery, "one"), "sent");
    assert.equal(await arrived("one"), 1);
    const got = (await delivery.get({ key: "one" })).delivery;
    assert.equal(got.receipt?.status, "sent");
  }),
  one("brings what has one key once, however often it is sent", async (delivery, { to, arrived }) => {
    const all = await Promise.all([1, 2, 3].map(() => delivery.send({ to, key: "same", ...saying("same") })));
    assert.equal(all.filter(({ fresh }) => fresh).length, 1);
    await settled(delivery, "same");
    assert.equal((await delivery.send({ to, key: "same", ...saying("other words") })).fresh, false);
    assert.equal(await arrived("same"), 1);
    assert.equal(await arrived("other words"), 0);
  }),
  one("does not send what has expired", async (delivery, { to, arrived }) => {
    await delivery.send({ to, key: "late", ...saying("late"), expiresAt: 1 });
    assert.equal(await settled(delivery, "late"), "suppressed");
    assert.equal(await arrived("late"), 0);
  }),
  one("knows no key that was not sent, and needs somewhere to go", async (delivery) => {
    await assertCode(delivery.get({ key: "none" }), "PLINTH_DELIVERY_UNKNOWN");
    assert.deepEqual(await delivery.withdraw({ key: "none" }), { withdrawn: false });
    await assertCode(delivery.send({ key: "nowhere", ...saying("nowhere") }), "PLINTH_DELIVERY_ROUTE");
    await assertCode(delivery.get({ key: "nowhere" }), "PLINTH_DELIVERY_UNKNOWN");
  }),
  one("lists the newest first", async (delivery, { to }) => {
    for (const key of ["a", "b"]) {
      await delivery.send({ to, key, ...saying(key) });
      await settled(delivery, key);
    }
    assert.deepEqual(
      (await delivery.list({})).deliveries.map(({ key }) => key),
      ["b", "a"],
    );
  }),
  one(
    "follows a session to where it was docked, and back",
    async (delivery, { sessionKey, to, arrived }) => {
      const before = await delivery.route({ sessionKey: sessionKey! });
      assert.deepEqual((await delivery.dock({ sessionKey: sessionKey!, to })).to, to);
      assert.deepEqual(await delivery.route({ sessionKey: sessionKey! }), { to, docked: true });
      await delivery.send({ sessionKey: sessionKey!, key: "docked", ...saying("docked") });
      await settled(delivery, "docked");
      assert.equal(await arrived("docked"), 1);
      await delivery.dock({ sessionKey: sessionKey!, to: null });
      assert.deepEqual(await delivery.route({ sessionKey: sessionKey! }), before);
    },
    ["sessionKey"],
  ),
];
