import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { type Client, cleanUp, connect, newHome, say, scriptedModel, sleep, sse, startGateway } from "../e2e/lab.ts";
import type { Tier } from "./case.ts";
import { makeArchive } from "./package.ts";

const ROUNDS = 8;
const SESSIONS = 4;

afterEach(cleanUp);

it.each<Tier>(["isolate", "process"])(
  "an extension in the %s tier is updated, disabled and enabled while turns use it: each turn ends, with one version's answer or a code",
  async (tier) => {
    const home = await newHome();
    const model = await scriptedModel((body, _request, response) => {
      const last = body.messages.at(-1);
      const text = typeof last.content === "string" ? last.content : last.content.map((part: { text?: string }) => part.text ?? "").join("");
      if (last.role === "tool") return say(response, `saw ${text.replace(/^\[From [^\]]*\]\n/, "")}`);
      return sse.head(response).end(sse.call(`c${Math.random().toString(36).slice(2)}`, "changing", {}) + sse.done);
    });
    const gateway = await startGateway(home, model.env);
    const client = await connect(gateway);
    const desk = join(home, "desk");
    await mkdir(desk);
    const install = async (version: string): Promise<void> => {
      const code = `await new Promise((resolve) => setTimeout(resolve, 30)); return say(${JSON.stringify(version)});`;
      const spec = await makeArchive(desk, { code, manifest: { version } }, { id: "acme.changing", tool: "changing", tier });
      await client.request("plugins.confirm", { code: (await client.request("plugins.install", { spec })).code });
    };
    await install("1.0.0");

    const seen = new Map<string, number>();
    let over = false;
    const talk = async (one: Client, session: string): Promise<void> => {
      for (let turn = 0; !over; turn++) {
        const events = await one.turn(`go ${turn}`, `${session}-${Math.floor(turn / 20)}`);
        const end = events.at(-1);
        expect(events.filter(({ type }) => type === "end")).toHaveLength(1);
        const what =
          end.status === "ok" ? (/^saw (\d\.\d\.\d)$/.exec(end.text)?.[1] ?? /PLINTH_[A-Z_]+/.exec(end.text)?.[0] ?? end.text) : JSON.stringify(end);
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    };
    const talking = Array.from({ length: SESSIONS }, async (_, n) => talk(await connect(gateway), `s${n}`));
    for (let round = 1; round <= ROUNDS; round++) {
      await install(`1.${round}.0`);
      await sleep(60);
      if (round % 3 !== 0) continue;
      await client.request("plugins.disable", { id: "acme.changing" });
      await sleep(60);
      await client.request("plugins.enable", { id: "acme.changing" });
    }
    await sleep(300);
    over = true;
    await Promise.all(talking);

    const answers = [...seen.keys()].filter((what) => /^\d/.test(what));
    expect(answers).toContain(`1.${ROUNDS}.0`);
    expect(answers.length).toBeGreaterThan(1);
    // While it is disabled there is no such tool; what had begun was let finish.
    expect([...seen.keys()].filter((what) => !/^(\d|PLINTH_(CAPABILITY_MISSING|TOOL_UNKNOWN|GENERATION_ENDED))/.test(what))).toEqual([]);
    const { draining } = await client.request("host.usage");
    expect(draining).toEqual([]);
  },
  120_000,
);
