import { type Principal, type TurnEvent, textOf } from "@plinth/sdk";
import type { ScriptedProvider } from "@plinth/sdk/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type HarnessInput, startTurns } from "./turns.testing.ts";

const MESSAGES = 200;
const PARALLEL = 3;
const SURFACES = ["keeps", "old", "new", "summarize"] as const;

interface Message {
  session: number;
  person: number;
  surface: (typeof SURFACES)[number];
  mode: "followup" | "collect" | "interrupt" | "steer";
  /** How long its turn is, in ticks. */
  ticks: number;
  /** How many ticks it comes after the one before. */
  after: number;
  stop: "no" | "abort" | "withdraw";
}

const message: fc.Arbitrary<Message> = fc.record({
  session: fc.nat(4),
  person: fc.nat(1),
  surface: fc.constantFrom(...SURFACES),
  mode: fc.constantFrom("followup", "followup", "followup", "collect", "collect", "collect", "steer", "steer", "interrupt"),
  ticks: fc.nat(6),
  after: fc.constantFrom(0, 0, 0, 1, 3),
  stop: fc.constantFrom("no", "no", "no", "no", "no", "no", "abort", "withdraw"),
});

const PEOPLE: Principal[] = [
  { role: "owner", via: "test" },
  { role: "guest", via: "test", name: "ann" },
];

const ticks = async (count: number) => {
  for (let tick = 0; tick < count; tick++) await new Promise((resolve) => setImmediate(resolve));
};
const numbersIn = (text: string): number[] => [...text.matchAll(/#(\d+)/g)].map((found) => Number(found[1]));

/** Runs as long as its message says, and takes in what it is told until its last moment. */
function worker(messages: readonly Message[], watch: { enter(key: string): void; leave(key: string): void }): ScriptedProvider {
  const told = new Map<string, any[]>();
  return {
    contract: "plinth.harness",
    id: "native",
    descriptor: { title: "native", emits: [], steers: true },
    provider: {
      steer: ({ runId, content }: any) => ({ taken: told.get(runId)?.push(content) ? "now" : "no" }),
      async *run({ runId, sessionKey, history }: HarnessInput, { signal }: { signal: AbortSignal }) {
        watch.enter(sessionKey);
        told.set(runId, []);
        try {
          const [first = 0] = numbersIn(textOf(history.at(-1).content));
          for (let tick = 0; tick <= messages[first]!.ticks && !signal.aborted; tick++) {
            await ticks(1);
            for (const content of told.get(runId)!.splice(0)) yield { type: "message", message: { role: "user", content } };
          }
          told.delete(runId);
          yield { type: "done", text: "answered", model: "test/m" };
        } finally {
          told.delete(runId);
          watch.leave(sessionKey);
        }
      },
    } as never,
  };
}

it("loses no message and answers none twice, but by what is configured, whatever comes in which mode", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: MESSAGES, maxLength: MESSAGES }), async (messages) => {
      const active = new Map<string, number>();
      let all = 0;
      const problems: string[] = [];
      const watch = {
        enter(key: string) {
          active.set(key, (active.get(key) ?? 0) + 1);
          if (active.get(key) !== 1) problems.push(`two turns of ${key}`);
          if (++all > PARALLEL) problems.push(`${all} turns at once`);
        },
        leave(key: string) {
          active.set(key, active.get(key)! - 1);
          all--;
        },
      };
      const cap = (drop: string) => ({ cap: 2, drop });
      const queue = { cap: 1_000, byChannel: { old: cap("old"), new: cap("new"), summarize: cap("summarize") } };
      const host = await startTurns({ harness: worker(messages, watch), config: { maxParallel: PARALLEL, maxQueued: 1_000, queue } });
      const turns = host.use("plinth.turns").one();
      try {
        const fates: Promise<TurnEvent[]>[] = [];
        for (const [index, { session, person, surface, mode, after, stop }] of messages.entries()) {
          await ticks(after);
          const runId = `r${index}`;
          fates.push(
            host.as(PEOPLE[person]!, async () => {
              const events: TurnEvent[] = [];
              for await (const event of turns.submit({ text: `#${index}`, sessionKey: `s${session}`, runId, surface, mode })) events.push(event);
              return events;
            }),
          );
          if (stop !== "no")
            void ticks(2).then(
              (): Promise<unknown> => (stop === "abort" ? turns.abort({ runId }) : host.as(PEOPLE[person]!, () => turns.withdraw({ runId }))),
            );
        }
        const ends = (await Promise.all(fates)).map((events) => {
          expect(events.filter(({ type }) => type === "end")).toHaveLength(1);
          return events.at(-1) as Extract<TurnEvent, { type: "end" }>;
        });
        await expect.poll(() => turns.status({}), { timeout: 60_000 }).toEqual({ running: [], queued: 0 });
        expect(problems).toEqual([]);

        const answered = new Map<number, number>();
        const summed: number[] = [];
        const noted: number[] = [];
        for (let session = 0; session < 5; session++) {
          const { entries } = await host
            .use("plinth.session-store")
            .one()
            .history({ key: `s${session}`, limit: 10_000 });
          for (const { body, origin } of entries) {
            if (body.kind === "custom") noted.push(...numbersIn(textOf((body.data as { content: [] }).content)));
            if (body.kind !== "message" || body.message.role !== "user") continue;
            const text = textOf(body.message.content);
            const numbers = numbersIn(text);
            const sums = text.includes("While you were busy");
            if (sums) summed.push(...numbers);
            else for (const one of numbers) answered.set(one, (answered.get(one) ?? 0) + 1);
            // Of one person, one surface and one session, and in the order in which they came.
            const like = (of: (one: Message) => unknown) => new Set(numbers.map((one) => of(messages[one]!))).size;
            expect([like((one) => one.person), like((one) => one.surface), like((one) => one.session)], text).toEqual([1, 1, 1]);
            expect(messages[numbers[0]!]).toMatchObject({ session, person: origin?.by === "guest" ? 1 : 0 });
            if (!sums) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
          }
        }
        for (const times of answered.values()) expect(times).toBe(1);
        expect(new Set(noted).size).toBe(noted.length);
        expect(new Set(summed).size).toBe(summed.length);
        const dropped = new Set(noted);
        for (const one of summed) expect(dropped, `#${one} was summed up`).toContain(one);
        for (const [index, end] of ends.entries()) {
          const { surface } = messages[index]!;
          if (dropped.has(index)) {
            expect(surface).not.toBe("keeps");
            expect(answered.has(index), `#${index} was dropped`).toBe(false);
          } else if (end.status === "ok" && end.error === undefined) expect(answered.get(index), `#${index} was answered`).toBe(1);
          if (end.error?.code === "PLINTH_MESSAGE_DROPPED") expect(dropped, `#${index} is told`).toContain(index);
          if (end.error?.code === "PLINTH_MESSAGE_STEERED") expect(answered.get(index), `#${index} was said into a turn`).toBe(1);
        }
        const { sessions } = await host.use("plinth.session-store").one().list({});
        for (const one of sessions) expect(one.waiting ?? 0, one.key).toBe(0);
      } finally {
        await host.close();
      }
    }),
    // A smaller case of two hundred messages takes longer to find than to understand.
    { numRuns: 3, endOnFailure: true },
  );
}, 300_000);
