import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCode, type ConformanceCase, casesOf, type Opening } from "./case.ts";

type Scheduler = Client<"plinth.scheduler">;

export type SchedulerSubject = Opening<Scheduler>;

const one = casesOf<Scheduler>("plinth.scheduler");
const hourly = { title: "Hourly", schedule: { kind: "every" as const, everyMs: 3_600_000 }, say: [{ type: "text" as const, text: "Look." }] };

/** What `plinth.scheduler` asks of whoever runs jobs. */
export const schedulerConformance: readonly ConformanceCase<SchedulerSubject>[] = [
  one("keeps a job and says when it is due", async (scheduler) => {
    const { job, fresh } = await scheduler.add({ id: "hourly", ...hourly });
    assert.equal(fresh, true);
    assert.ok(job.enabled && job.next !== undefined && job.next > Date.now() - 1_000);
    assert.deepEqual((await scheduler.get({ id: "hourly" })).job, job);
    await assertCode(scheduler.get({ id: "none" }), "PLINTH_JOB_UNKNOWN");
  }),
  one("adds one job for one id", async (scheduler) => {
    await scheduler.add({ id: "hourly", ...hourly });
    const again = await scheduler.add({ id: "hourly", ...hourly, title: "Another" });
    assert.deepEqual([again.fresh, again.job.title], [false, "Hourly"]);
    assert.equal((await scheduler.list({})).jobs.length, 1);
  }),
  one("changes what was read, and nothing newer", async (scheduler) => {
    const { job } = await scheduler.add({ id: "hourly", ...hourly });
    const off = await scheduler.update({ id: job.id, revision: job.revision, change: { enabled: false } });
    assert.ok(off.job.revision > job.revision);
    assert.equal(off.job.next, undefined);
    await assertCode(scheduler.update({ id: job.id, revision: job.revision, change: { enabled: true } }), "PLINTH_JOB_MOVED");
  }),
  one("lists what is due first", async (scheduler) => {
    const at = (hours: number) => ({ kind: "at" as const, at: Date.now() + hours * 3_600_000 });
    await scheduler.add({ ...hourly, id: "later", schedule: at(3) });
    await scheduler.add({ ...hourly, id: "soon", schedule: at(2) });
    await scheduler.add({ ...hourly, id: "off", enabled: false });
    assert.deepEqual(
      (await scheduler.list({})).jobs.map(({ id }) => id),
      ["soon", "later", "off"],
    );
  }),
  one("counts cron in its time zone, also where a clock is put forward", async (scheduler) => {
    const { times } = await scheduler.due({ schedule: { kind: "cron", cron: "30 2 * * *", zone: "Europe/Berlin" }, count: 3 });
    assert.equal(times.length, 3);
    for (const [index, time] of times.entries()) {
      assert.ok(time > (times[index - 1] ?? Date.now() - 1_000));
      assert.equal(new Date(time).getUTCSeconds(), 0);
    }
  }),
  one("refuses a schedule that says no time", async (scheduler) => {
    for (const schedule of [
      { kind: "cron" as const, cron: "61 * * * *" },
      { kind: "cron" as const, cron: "* * * * *", zone: "Europe/Nowhere" },
      { kind: "at" as const, at: 1 },
    ])
      await assertCode(scheduler.add({ ...hourly, schedule }), "PLINTH_JOB_SCHEDULE");
    assert.deepEqual((await scheduler.list({})).jobs, []);
  }),
  one("runs by hand, also what is off, and keeps what it ran", async (scheduler) => {
    await scheduler.add({ id: "off", ...hourly, enabled: false });
    const { run } = await scheduler.run({ id: "off" });
    assert.deepEqual([run.job, run.by], ["off", "hand"]);
    const { runs } = await scheduler.runs({ id: "off" });
    assert.deepEqual(
      runs.map(({ id }) => id),
      [run.id],
    );
  }),
  one("removes a job once", async (scheduler) => {
    await scheduler.add({ id: "hourly", ...hourly });
    assert.deepEqual(await scheduler.remove({ id: "hourly" }), { removed: true });
    assert.deepEqual(await scheduler.remove({ id: "hourly" }), { removed: false });
    await assertCode(scheduler.run({ id: "hourly" }), "PLINTH_JOB_UNKNOWN");
  }),
];
