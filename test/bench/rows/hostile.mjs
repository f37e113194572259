import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cases as compute } from "../../hostile/cases/resources-compute.ts";
import { cases as crashes } from "../../hostile/cases/resources-crashes.ts";
import { cases as floods } from "../../hostile/cases/resources-floods.ts";
import { cases as memory } from "../../hostile/cases/resources-memory.ts";
import { makeArchive } from "../../hostile/package.ts";
import { connect, median, newHome, node, pinned, quantile, startGateway, startMock } from "../lab.mjs";

const PEOPLE = 4;
/** Until then the host's own code is still being compiled. */
const WARM_TURNS = 200;
const ROUNDS = 5;
const QUIET_TURNS = 120;
const PAUSE_MS = 20;
const LANES = 2;
const BURN = "for (let held = []; ; ) { held.push({}); if (held.length > 1e5) held = []; }";
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

/** People talk, by turns while nothing happens, beside busy strangers, and while one attack after the other is called. */
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
  await talk(people, "warm", () => false, WARM_TURNS);

  const times = { quiet: [], beside: [], attacked: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.quiet.push(...(await talk(people, `quiet-${round}`, () => false, QUIET_TURNS)));
    const quit = burners();
    times.beside.push(...(await talk(people, `beside-${round}`, () => false, QUIET_TURNS)));
    quit();
    const some = attacks.splice(0, Math.ceil(attacks.length / (ROUNDS - round)));
    let over = false;
    const attacking = attack(gateway, some).finally(() => {
      over = true;
    });
    times.attacked.push(...(await talk(people, `attacked-${round}`, () => !over, 0)));
    await attacking;
  }
  const { quiet, beside, attacked } = times;
  const p99 = (of) => quantile(of, 0.99);

  row({ what: "one turn while hostile extensions attack, p50", value: median(attacked), unit: "ms" });
  row({ what: "the same while they are quiet, p50", value: median(quiet), unit: "ms" });
  row({ what: "one turn while hostile extensions attack, p99", value: p99(attacked), unit: "ms" });
  row({ what: "the same while they are quiet, p99", value: p99(quiet), unit: "ms" });
  row({ what: "the same beside loops that are not Plinth's, p99", value: p99(beside), unit: "ms" });
  row({ what: "p99 attacked to quiet", value: p99(attacked) / p99(quiet), unit: "times", budget: 1.1 });
  row({ what: "p99 attacked to beside such loops", value: p99(attacked) / p99(beside), unit: "times" });
  for (const one of [owner, ...people]) one.close();
  await gateway.stop();
}

/**
 * As many endless loops as there are lanes, at the lowest priority that Linux has, in sessions of their own: what this machine
 * makes of two busy processors, whoever burns them.
 * @returns what ends them.
 */
function burners() {
  const loop = ["-c", `echo 19 >/proc/self/autogroup; exec nice -n 19 "$@"`, "sh", node, "-e", BURN];
  const [command, args] = pinned("/bin/sh", loop);
  const all = Array.from({ length: LANES }, () => spawn(command, args, { detached: true, stdio: "ignore" }));
  return () => {
    for (const one of all) one.kill("SIGKILL");
  };
}

/** Call one after the other, LANES of them at a time. */
async function attack(gateway, attacks) {
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      const client = await connect(gateway);
      for (let next = attacks.shift(); next !== undefined; next = attacks.shift()) await client.turn(`use ${next.tool}`, `attack-${next.tool}`);
      client.close();
    }),
  );
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
