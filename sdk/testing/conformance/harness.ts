import assert from "node:assert/strict";
import { type Client, textOf, toolCallsOf, toolResultsOf } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

const ID = "plinth.harness";
type HarnessClient = Client<"plinth.harness">;
type Turn = Parameters<HarnessClient["run"]>[0];

export interface HarnessSubject {
  /** A fresh harness for each case, with a model that answers. */
  open(): Promise<{ harness: HarnessClient; close?(): unknown }>;
  /** A turn that is answered with text, twice if need be. */
  turn: Turn;
  /** A turn that cannot be run, such as one with a model that is not there. */
  bad?: Turn;
  /** A turn that calls a tool, with `limits` that allow no call of one. */
  limited?: Turn;
  /** Its descriptor, for what it says of itself. */
  descriptor?: { steers?: boolean; resumes?: boolean };
}

/** What `plinth.harness` asks of every harness. */
export const harnessConformance: readonly ConformanceCase<HarnessSubject>[] = [
  {
    name: "answers with text, and says so in one `done` at the end",
    run: ({ open, turn }) => withOpened(open, ({ harness }) => answered(harness, turn)),
  },
  {
    name: "hands over each finished message before it is done",
    run: ({ open, turn }) =>
      withOpened(open, async ({ harness }) => {
        const items = await collect(harness.run(turn));
        const messages = items.flatMap((item) => (item.type === "message" ? [item.message] : []));
        assert.ok(messages.length > 0, "there is something to store");
        const calls = messages.flatMap(({ content }) => toolCallsOf(content)).map(({ id }) => id);
        const results = messages.flatMap(({ content }) => toolResultsOf(content)).map(({ callId }) => callId);
        assert.deepEqual(results.sort(), calls.sort(), "each tool call has its result");
        assert.ok(!messages.some(({ role }) => role === "user"), "what the user said is stored by the host");
      }),
  },
  {
    name: "calls no tool where the turn's limits allow none",
    needs: ["limited"],
    run: ({ open, limited }) =>
      withOpened(open, async ({ harness }) => {
        const items: unknown[] = [];
        await (async () => {
          for await (const item of harness.run(limited!)) items.push(item);
        })().catch(() => {});
        const ends = (items as { type: string; result?: { isError?: boolean } }[]).filter(({ type }) => type === "tool-end");
        assert.ok(
          ends.every(({ result }) => result?.isError === true),
          "each call is told that it was not run",
        );
      }),
  },
  {
    name: "takes a word into a running turn where it says so, and says that it does not where it does not",
    needs: ["descriptor"],
    run: ({ open, turn, descriptor }) =>
      withOpened(open, async ({ harness }) => {
        const word = { runId: turn.runId, content: [{ type: "text" as const, text: "and be brief" }], when: "next" as const };
        if (descriptor!.steers !== true) return void assert.equal((await assertCodedFailure(harness.steer(word))).code, "PLINTH_UNSUPPORTED");
        assert.equal((await harness.steer(word)).taken, "no", "no such turn runs");
        let taken: string | undefined;
        const heard: string[] = [];
        for await (const item of harness.run(turn)) {
          if (item.type === "message" && item.message.role === "user") heard.push(textOf(item.message.content));
          taken ??= (await harness.steer(word)).taken;
        }
        assert.ok(taken === "now" || taken === "next", "it was taken");
        assert.deepEqual(heard, ["and be brief"], "it says where it took it in, once");
        assert.equal((await harness.steer(word)).taken, "no", "the turn is over");
      }),
  },
  {
    name: "goes on from where it was where it says so, and yields no such place where it does not",
    needs: ["descriptor"],
    run: ({ open, turn, descriptor }) =>
      withOpened(open, async ({ harness }) => {
        const places = (await collect(harness.run(turn))).flatMap((item) => (item.type === "resume" ? [item.data] : []));
        assert.equal(places.length > 0, descriptor!.resumes === true);
        if (places.length > 0) await answered(harness, { ...turn, resume: places.at(-1) });
      }),
  },
  {
    name: "says whether it could run, or that it does not say",
    run: ({ open }) =>
      withOpened(open, async ({ harness }) => {
        const attempt = harness.probe({});
        const said = await attempt.catch(() => undefined);
        if (said === undefined) return void assert.equal((await assertCodedFailure(attempt)).code, "PLINTH_UNSUPPORTED");
        await assertFits(ID, "probe", "output", said);
        if (!said.ready) assert.ok(said.reason && said.next, "who cannot run says why, and what to do");
      }),
  },
  {
    name: "leaves the start and the end of the turn to the host",
    run: ({ open, turn }) =>
      withOpened(open, async ({ harness }) => {
        const types = (await collect(harness.run(turn))).map(({ type }) => type);
        assert.ok(!types.includes("start") && !types.includes("end"));
      }),
  },
  {
    name: "fails with a code when the turn cannot be run, and runs the next one",
    needs: ["bad"],
    run: ({ open, bad, turn }) =>
      withOpened(open, async ({ harness }) => {
        await assertCodedFailure(collect(harness.run(bad!)));
        await answered(harness, turn);
      }),
  },
  {
    name: "does nothing when it is cancelled already",
    run: ({ open, turn }) =>
      withOpened(open, async ({ harness }) => {
        await assertCodedFailure(collect(harness.run(turn, { signal: AbortSignal.abort() })));
      }),
  },
  {
    name: "stops when it is cancelled in the middle",
    run: ({ open, turn }) =>
      withOpened(open, async ({ harness }) => {
        const controller = new AbortController();
        let after = 0;
        const reading = (async () => {
          for await (const _ of harness.run(turn, { signal: controller.signal })) {
            if (controller.signal.aborted) after++;
            controller.abort();
          }
        })();
        await assertCodedFailure(reading);
        assert.equal(after, 0, "nothing comes after the cancellation");
        await answered(harness, turn);
      }),
  },
  {
    name: "runs turns of several sessions side by side",
    run: ({ open, turn }) =>
      withOpened(open, async ({ harness }) => {
        await Promise.all(["a", "b", "c"].map((key) => answered(harness, { ...turn, sessionKey: key, runId: `run-${key}` })));
      }),
  },
];

async function answered(harness: HarnessClient, turn: Turn): Promise<void> {
  const items = await collect(harness.run(turn));
  for (const item of items) await assertFits(ID, "run", "item", item);
  assert.equal(items.filter(({ type }) => type === "done").length, 1, "there is one `done`");
  const last = items.at(-1);
  assert.ok(last?.type === "done", "nothing follows `done`");
  assert.ok(last.text.length > 0, "there is an answer");
}
