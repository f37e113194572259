import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertFits, type ConformanceCase, withOpened } from "./case.ts";

type Check = Client<"plinth.check">;

export interface CheckSubject {
  open(): Promise<{ check: Check; close?(): unknown }>;
  /** Something is wrong that it can mend. */
  openMendable?(): Promise<{ check: Check; close?(): unknown }>;
}

const ID = "plinth.check";

/** What `plinth.check` asks of every check: whoever reads a finding knows what to do next. */
export const checkConformance: readonly ConformanceCase<CheckSubject>[] = [
  {
    name: "says what it finds, each with a reason and the next step, and the same when asked again",
    run: ({ open }) =>
      withOpened(open, async ({ check }) => {
        const first = await check.examine({ online: false });
        await assertFits(ID, "examine", "output", first);
        for (const { what, why, next } of first.findings) assert.ok([what, why, next].every((text) => text.trim() !== ""));
        const codes = async () => (await check.examine({ online: false })).findings.map(({ owner, code }) => `${owner} ${code}`);
        assert.deepEqual(await codes(), await codes(), "looking changes nothing");
      }),
  },
  {
    name: "mends what it calls mendable, and says what it did",
    needs: ["openMendable"],
    run: ({ openMendable }) =>
      withOpened(openMendable as NonNullable<typeof openMendable>, async ({ check }) => {
        const mendable = async () => (await check.examine({ online: false })).findings.filter((one) => one.mendable === true);
        assert.ok((await mendable()).length > 0, "there is something to mend");
        const answer = await check.mend({});
        await assertFits(ID, "mend", "output", answer);
        assert.ok(answer.done.length > 0, "it says what it did");
        assert.deepEqual(await mendable(), [], "nothing of it is left");
      }),
  },
];
