import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Discovery = Client<"plinth.discovery">;

export type DiscoverySubject = Opening<Discovery>;

const one = casesOf<Discovery>("plinth.discovery");
const service = "_plinth-test._tcp";

async function next<T>(items: AsyncIterator<T>): Promise<T> {
  const step = await items.next();
  assert.ok(!step.done, "the stream goes on");
  return step.value;
}

/** What `plinth.discovery` asks of whoever makes services known. */
export const discoveryConformance: readonly ConformanceCase<DiscoverySubject>[] = [
  one("makes a service known, finds it, says where it is, and when it is gone", async (discovery) => {
    const advertising = discovery.advertise({ service, name: "One", port: 7_717, txt: { role: "gateway" } })[Symbol.asyncIterator]();
    const { name } = await next(advertising);
    const browsing = discovery.browse({ service })[Symbol.asyncIterator]();
    const found = await next(browsing);
    assert.ok(found.type === "found" && found.found.name === name);
    const resolved = (await discovery.resolve({ service, name })).found;
    assert.deepEqual([resolved.port, resolved.txt], [7_717, { role: "gateway" }]);
    await advertising.return?.();
    const lost = await next(browsing);
    assert.ok(lost.type === "lost" && lost.name === name);
    await browsing.return?.();
    await assertCode(discovery.resolve({ service, name }), "PLINTH_SERVICE_UNKNOWN");
  }),
  one("gives a taken name a number", async (discovery) => {
    const both = [1, 2].map(() => discovery.advertise({ service, name: "Twice", port: 1 })[Symbol.asyncIterator]());
    const names = [await next(both[0]!), await next(both[1]!)].map(({ name }) => name);
    assert.equal(new Set(names).size, 2);
    for (const advertising of both) await advertising.return?.();
  }),
  one("knows none that is not there", async (discovery) => assertCode(discovery.resolve({ service, name: "None" }), "PLINTH_SERVICE_UNKNOWN")),
];
