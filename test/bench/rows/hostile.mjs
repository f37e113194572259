import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cases as compute } from "../../hostile/cases/resources-compute.ts";
import { cases as crashes } from "../../hostile/cases/resources-crashes.ts";
import { cases as floods } from "../../hostile/cases/resources-floods.ts";
import { cases as memory } from "../../hostile/cases/resources-memory.ts";
import { makeArchive } from "../../hostile/package.ts";
import { connect, median, newHome, quantile, startGateway, startMock } from "../lab.mjs";

const PEOPLE = 4;
const TURNS = 150;
const PAUSE_MS = 20;
const LANES = 2;
/** As an operator might set them; a call that hangs is otherwise waited for two minutes. */
const CONFIG = {
  policy: { drainMs: 2_000 },
  extensions: { "plinth.native": { config: { toolTimeoutMs: 2_000 } }, "plinth.tier-isolate": { config: { turnMs: 600 } } },
};
const TIERS = ["isolate", "process"];
const WANTED = new Set([
  ...["loop-in-call", "microtask-storm", "regex-backtracking", "big-number", "proxy-rejection"],
  ...["heap-gradual", "one-allocation", "typed-arrays", "intl-formats", "call-storm", "log-flood", "exit-in-call", "unawaited-rejection"],
]);

/** People talk while nothing happens, then while one attack after the other is called: what the second costs them. */
export async function measure(row) {
  const attacks = [...compute, ...memory, ...floods, ...crashes]
    .filter(({ id }) => WANTED.has(id))
    .flatMap((one) => TIERS.filter((tier) => one.stopped[tier] !== undefined).map((tier) => ({ one, tier, tool: `${one.id}-${tier}` })));
  const home = newHome();
  writeFileSync(join(home, "plinth.json"), JSON.stringify(CONFIG));
  const mock = await startMock();
  const gateway = await startGateway(home, { OPENAI_API_KEY: "bench", OPENAI_BASE_URL: mock.url });
  const owner = await connect(gateway);
  const desk = join(home, "desk");
  mkdirSync(desk);
  for (const { one, tier, tool } of attacks) {
    const spec = await makeArchive(desk, one, { id: `${one.id}.${tier}`, tool, tier });
    const { code } = await owner.request("plugins.install", { spec });
    await owner.request("plugins.confirm", { code });
  }
  const people = await Promise.all(Array.from({ length: PEOPLE }, () => connect(gateway)));
  await talk(people, "warm", () => false, 20);

  const quiet = await talk(people, "quiet", () => false, TURNS);
  let over = false;
  const attacking = Promise.all(
    Array.from({ length: LANES }, async () => {
      const client = await connect(gateway);
      for (let next = attacks.shift(); next !== undefined; next = attacks.shift()) await client.turn(`use ${next.tool}`, `attack-${next.tool}`);
      client.close();
    }),
  ).finally(() => {
    over = true;
  });
  const attacked = await talk(people, "attacked", () => !over, TURNS);
  await attacking;

  row({ what: "one turn while hostile extensions attack, p50", value: median(attacked), unit: "ms" });
  row({ what: "the same while they are quiet, p50", value: median(quiet), unit: "ms" });
  row({ what: "one turn while hostile extensions attack, p99", value: quantile(attacked, 0.99), unit: "ms" });
  row({ what: "the same while they are quiet, p99", value: quantile(quiet, 0.99), unit: "ms" });
  row({ what: "p99 attacked to quiet", value: quantile(attacked, 0.99) / quantile(quiet, 0.99), unit: "times", budget: 1.1 });
  for (const one of [owner, ...people]) one.close();
  await gateway.stop();
}

/** Times of turns in milliseconds: at least `turns` for each person, and on while `more` says so. */
async function talk(people, name, more, turns) {
  const times = [];
  await Promise.all(
    people.map(async (client, person) => {
      for (let turn = 0; turn < turns || more(); turn++) {
        const began = performance.now();
        await client.turn("hello", `${name}-${person}-${Math.floor(turn / 25)}`);
        times.push(performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }),
  );
  return times;
}
