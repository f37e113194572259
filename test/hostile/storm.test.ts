import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Client, cleanUp, connect, newHome, say, scriptedModel, sleep, sse, startGateway } from "../e2e/lab.ts";
import { Descendants } from "./descendants.ts";
import { makeArchive } from "./package.ts";

/** Two minutes of it: PLINTH_STORM_SECONDS=120. */
const SECONDS = Number(process.env.PLINTH_STORM_SECONDS ?? 15);
/** A call that ran when its process was killed ends within this time, with its code. */
const AFTERMATH_MS = 8_000;
const VICTIMS = [
  { id: "red.isolate", tool: "red-isolate", tier: "isolate" },
  { id: "blue.isolate", tool: "blue-isolate", tier: "isolate" },
  { id: "green.process", tool: "green-process", tier: "process" },
] as const;
/** What a call of a killed extension may end with; it says whose it was and can be tried again. */
const CODED = /PLINTH_(EXTENSION_EXITED|QUARANTINED|BREAKER_OPEN)/;

afterEach(cleanUp);

it(
  "processes that are killed at random take only their own calls with them, and leave none behind",
  async () => {
    const home = await newHome();
    const model = await scriptedModel((body, _request, response) => {
      const last = body.messages.at(-1);
      const text = typeof last.content === "string" ? last.content : last.content.map((part: { text?: string }) => part.text ?? "").join("");
      if (last.role === "tool") return say(response, `saw ${text.replace(/^\[From [^\]]*\]\n/, "")}`);
      const tool = /^use (\S+)$/.exec(text)?.[1];
      if (tool === undefined) return say(response, `heard ${text}`);
      return sse.head(response).end(sse.call(`c${Math.random().toString(36).slice(2)}`, tool, {}) + sse.done);
    });
    const gateway = await startGateway(home, model.env);
    const descendants = new Descendants(gateway.pid);
    const client = await connect(gateway);
    const desk = join(home, "desk");
    await mkdir(desk);
    for (const victim of VICTIMS) {
      const spec = await makeArchive(desk, { code: 'await new Promise((resolve) => setTimeout(resolve, 15)); return say("well");' }, victim);
      await client.request("plugins.confirm", { code: (await client.request("plugins.install", { spec })).code });
    }

    const killed = new Map<string, number>();
    const failures: string[] = [];
    const done = { plain: 0, well: 0, coded: 0 };
    let over = false;
    const talk = async (one: Client, session: string, victim?: (typeof VICTIMS)[number]): Promise<void> => {
      for (let turn = 0; !over; turn++) {
        const began = Date.now();
        const text = victim === undefined ? `word ${turn}` : `use ${victim.tool}`;
        const end = (await one.turn(text, `${session}-${Math.floor(turn / 20)}`)).at(-1);
        const recent = victim !== undefined && (killed.get(victim.id) ?? 0) > began - AFTERMATH_MS;
        if (victim === undefined && end.text === `heard ${text}`) done.plain++;
        else if (victim !== undefined && end.text === "saw well") done.well++;
        else if (recent && end.status === "ok" && CODED.test(end.text)) done.coded++;
        else failures.push(`${session}: ${JSON.stringify(end).slice(0, 400)}`);
        await sleep(10);
      }
    };
    const talking = [
      ...[0, 1].map(async (n) => talk(await connect(gateway), `plain-${n}`)),
      ...VICTIMS.map(async (victim) => talk(await connect(gateway), victim.id, victim)),
    ];

    let kills = 0;
    for (const until = Date.now() + SECONDS * 1_000; Date.now() < until; await sleep(400 + Math.random() * 1_600)) {
      const victim = VICTIMS[Math.floor(Math.random() * VICTIMS.length)] as (typeof VICTIMS)[number];
      const { extensions } = await client.request("host.usage");
      const { state, process: where } = extensions.find(({ id }: { id: string }) => id === victim.id);
      // So often struck, it would wait for an owner at last: here is one.
      if (state === "quarantined") await client.request("plugins.enable", { id: victim.id });
      const tree = where?.pid ? descendants.below(where.pid) : [];
      const pid = tree[Math.floor(Math.random() * tree.length)];
      if (pid === undefined) continue;
      killed.set(victim.id, Date.now() + AFTERMATH_MS);
      try {
        process.kill(pid, "SIGKILL");
        kills++;
      } catch {
        // It ended by itself meanwhile.
      }
      killed.set(victim.id, Date.now());
    }
    over = true;
    await Promise.all(talking);

    expect(failures).toEqual([]);
    expect(kills).toBeGreaterThan(SECONDS / 6);
    expect(done.plain).toBeGreaterThan(SECONDS);
    expect(done.well).toBeGreaterThan(SECONDS);
    expect(gateway.child.exitCode).toBeNull();
    await gateway.stop();
    await expect.poll(() => descendants.alive(), { timeout: 5_000 }).toEqual([]);
    descendants.stop();
    console.info(`storm: ${kills} kills in ${SECONDS} s; ${done.plain} plain turns, ${done.well} with an answer, ${done.coded} with a coded error`);
  },
  (SECONDS + 120) * 1_000,
);
