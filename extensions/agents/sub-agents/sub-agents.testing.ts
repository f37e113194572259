import { textOf } from "@plinth/sdk";
import type { ScriptedProvider, TestHost } from "@plinth/sdk/testing";
import { startTurns } from "../runs/turns.testing.ts";
import tasks from "../tasks/index.ts";
import tasksManifest from "../tasks/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Turn {
  readonly said: string;
  readonly sessionKey: string;
  readonly runId: string;
  readonly system: string;
  readonly history: any[];
  readonly signal: AbortSignal;
  readonly work: any;
  /** Call a tool as the turn's model would. */
  tool(name: string, args: object): Promise<any>;
  /** What is said into this turn from now on. */
  readonly heard: string[];
}

export type Agent = (turn: Turn, host: TestHost) => Promise<string>;

/** Turns, a ledger and sub-agents around one scripted agent that plays all of them. */
export async function startFamily(agent: Agent, config: object = {}): Promise<TestHost> {
  const inside = new Map<string, string[]>();
  const harness: ScriptedProvider = {
    contract: "plinth.harness",
    id: "native",
    descriptor: { title: "native", emits: [], steers: true },
    provider: {
      steer: ({ runId, content }: any) => {
        const heard = inside.get(runId);
        if (heard === undefined) return { taken: "no" };
        heard.push(textOf(content));
        return { taken: "now" };
      },
      async *run({ history, sessionKey, runId, system }: any, { signal, work }: any) {
        const heard: string[] = [];
        inside.set(runId, heard);
        const tool = (name: string, args: object) =>
          host
            .use("plinth.tool")
            .get(name)
            .call({ args: { ...args }, sessionKey, runId, agent: "main" });
        const answering = agent(
          { said: textOf(history.at(-1).content), sessionKey, runId, system: system.join("\n"), history, signal, work, tool, heard },
          host,
        );
        let over = false;
        const settled = answering.finally(() => {
          over = true;
        });
        settled.catch(() => {});
        for (let at = 0; !over; ) {
          await Promise.race([settled.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 5))]);
          for (; at < heard.length; at++) yield { type: "message", message: { role: "user", content: [{ type: "text", text: heard[at] }] } };
        }
        inside.delete(runId);
        yield { type: "done", text: await settled, model: "test/m", usage: { inputTokens: 3, outputTokens: 4 } };
      },
    } as never,
  };
  const host: TestHost = await startTurns({
    harness,
    extensions: [
      { manifest: tasksManifest, extension: tasks },
      { manifest, extension, config },
    ],
  });
  return host;
}

/** Until the signal says so. */
export const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
