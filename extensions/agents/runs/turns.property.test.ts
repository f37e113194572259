import type { TurnEvent } from "@plinth/sdk";
import fc from "fast-check";
import { expect, it } from "vitest";
import { events, type HarnessInput, startTurns, transcript } from "./turns.testing.ts";

interface Message {
  session: number;
  ticks: number;
  how: "answer" | "fail" | "call" | "abort";
}

const message: fc.Arbitrary<Message> = fc.record({
  session: fc.nat(2),
  ticks: fc.nat(4),
  how: fc.constantFrom("answer", "answer", "fail", "call", "abort"),
});

const ticks = async (count: number) => {
  for (let tick = 0; tick < count; tick++) await new Promise((resolve) => setImmediate(resolve));
};

it("runs one turn at a time for a session, in order, loses none, and ends each exactly once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 14 }), async (messages) => {
      const active = new Map<string, number>();
      const order = new Map<string, number[]>();
      const host = await startTurns({
        config: { maxParallel: 2 },
        run: async function* ({ sessionKey, history }: HarnessInput) {
          const index = Number(history.at(-1).content[0].text);
          const { how, ticks: length } = messages[index]!;
          expect(active.get(sessionKey) ?? 0).toBe(0);
          active.set(sessionKey, 1);
          order.set(sessionKey, [...(order.get(sessionKey) ?? []), index]);
          try {
            await ticks(length);
            if (how === "call")
              yield { type: "message", message: { role: "assistant", content: [{ type: "tool-call", id: "c", name: "t", args: {} }] } };
            if (how === "fail" || how === "call") throw new Error("failed");
            yield { type: "done", text: "answer" };
          } finally {
            active.set(sessionKey, 0);
          }
        },
      });
      try {
        const turns = messages.map(({ session }, index) => events(host, `${index}`, { sessionKey: `s${session}`, runId: `r${index}` }));
        messages.forEach(({ how, ticks: length }, index) => {
          if (how === "abort")
            void ticks(length).then(() =>
              host
                .use("plinth.turns")
                .one()
                .abort({ runId: `r${index}` }),
            );
        });
        const ends = (await Promise.all(turns)).map((all) => check(all));
        ends.forEach((status, index) => {
          const { how } = messages[index]!;
          if (how === "answer") expect(status).toBe("ok");
          if (how === "fail" || how === "call") expect(status).toBe("error");
        });
        expect(await host.use("plinth.turns").one().status({})).toEqual({ running: [], queued: 0 });
        for (const [key, ran] of order) {
          expect(ran).toEqual([...ran].sort((a, b) => a - b));
          const bodies = await transcript(host, key);
          const open = bodies.flatMap((body) => (body.kind === "message" ? [body.message] : []));
          expect(open.filter(({ role }) => role === "tool")).toHaveLength(open.filter(({ content }) => content[0].type === "tool-call").length);
          expect(bodies.filter(({ kind }) => kind === "run-end")).toHaveLength(open.filter(({ role }) => role === "user").length);
        }
      } finally {
        await host.close();
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);

/** Exactly one `end`, and nothing behind it. */
function check(all: TurnEvent[]): string {
  expect(all[0]?.type).toBe("start");
  expect(all.filter(({ type }) => type === "end")).toHaveLength(1);
  const last = all.at(-1)!;
  return last.type === "end" ? last.status : "no end";
}
