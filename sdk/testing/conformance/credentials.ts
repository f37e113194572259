import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Credentials = Client<"plinth.credentials">;

export interface CredentialsSubject extends Opening<Credentials> {
  /** A vendor with at least two usable credentials. */
  vendor: string;
  /** Values that no answer may hold. */
  values: readonly string[];
  /** One that expires, whose vendor gives new tokens; with how often it was asked for one. */
  expiring?: { id: string; asked(): number };
}

const one = casesOf<Credentials, CredentialsSubject>("plinth.credentials");

/** What `plinth.credentials` asks of whoever orders them. */
export const credentialsConformance: readonly ConformanceCase<CredentialsSubject>[] = [
  one("says of each whether it can be used, and never what it is", async (credentials, { vendor, values }) => {
    const { credentials: all } = await credentials.list({ vendor });
    assert.ok(all.filter(({ usable }) => usable).length >= 2);
    for (const { usable, reason } of all) assert.equal(usable, reason === "ok");
    const said = JSON.stringify([all, await credentials.choose({ vendor })]);
    for (const value of values) assert.ok(!said.includes(value));
  }),
  one("tries the others when one failed, and it again when that is over", async (credentials, { vendor }) => {
    const [first] = (await credentials.choose({ vendor })).order;
    const { credential } = await credentials.report({ id: first!.id, outcome: "rate", retryAfterMs: 3_600_000 });
    assert.deepEqual([credential.usable, credential.reason], [false, "cooldown"]);
    assert.ok(credential.until! >= Date.now() + 3_500_000, "what the vendor said is the least");
    const { order, passed } = await credentials.choose({ vendor });
    assert.ok(!order.some(({ id }) => id === first!.id));
    assert.ok(passed.some(({ id, reason }) => id === first!.id && reason === "cooldown"));
    await credentials.report({ id: first!.id, outcome: "ok" });
    assert.ok((await credentials.choose({ vendor })).order.some(({ id }) => id === first!.id));
  }),
  one("stays with one for a session as long as it can be used", async (credentials, { vendor }) => {
    const first = async () => (await credentials.choose({ vendor, sessionKey: "s" })).order[0]!.id;
    const chosen = await first();
    assert.equal(await first(), chosen);
    await credentials.report({ id: chosen, outcome: "billing" });
    assert.notEqual(await first(), chosen);
  }),
  one("takes the order that is set, and leaves out what it does not name", async (credentials, { vendor }) => {
    const ids = (await credentials.choose({ vendor })).order.map(({ id }) => id);
    await credentials.order({ vendor, ids: [ids[1]!] });
    const { order, passed } = await credentials.choose({ vendor });
    assert.deepEqual(
      order.map(({ id }) => id),
      [ids[1]],
    );
    assert.ok(passed.some(({ id, reason }) => id === ids[0] && reason === "left-out"));
    await credentials.order({ vendor, ids: [] });
    assert.deepEqual(
      (await credentials.choose({ vendor })).order.map(({ id }) => id),
      ids,
    );
  }),
  one("knows none that is not there", async (credentials) => {
    for (const id of ["none", "__proto__"]) await assertCode(credentials.report({ id, outcome: "ok" }), "PLINTH_CREDENTIAL_UNKNOWN");
    assert.deepEqual(await credentials.remove({ id: "none" }).then(({ removed }) => removed), false);
  }),
  one(
    "asks for a new token once, however many want it",
    async (credentials, { expiring }) => {
      const { id, asked } = expiring!;
      const all = await Promise.all([1, 2, 3, 4].map(() => credentials.refresh({ id })));
      assert.equal(asked(), 1);
      assert.equal(new Set(all.map(({ credential }) => credential.expiresAt)).size, 1);
      assert.equal((await credentials.refresh({ id })).refreshed, false);
    },
    ["expiring"],
  ),
];
