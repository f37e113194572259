import type { AuditRecord } from "@plinth/manifests";
import { expect, it } from "vitest";
import { Audit, type Decision } from "./audit.ts";

const refused: Decision = { extension: "a.b", kind: "net", what: "GET https://a.example/", allowed: false, code: "PLINTH_PERMISSION" };

it("hands over what was noted, in order, and what was lost before it", async () => {
  const kept: [AuditRecord[], number][] = [];
  const audit = new Audit(
    () => "all",
    async (records, dropped) => void kept.push([records, dropped]),
  );
  for (let n = 0; n < 2_500; n++) audit.note({ ...refused, what: String(n) });
  await audit.flush();
  audit.note({ ...refused, extension: "a.other" });
  await audit.flush();
  const all = kept.flatMap(([records]) => records);
  expect(all.map(({ what }) => what).slice(0, 3)).toEqual(["0", "1", "2"]);
  expect(kept.reduce((sum, [, dropped]) => sum + dropped, 0) + all.length).toBe(2_501);
});

it("keeps 600 records a minute of one extension, counts the rest, and has room for every other one", async () => {
  const kept: AuditRecord[] = [];
  let lost = 0;
  const audit = new Audit(
    () => "all",
    async (records, dropped) => {
      kept.push(...records);
      lost += dropped;
    },
  );
  for (let n = 0; n < 40; n++) {
    for (let m = 0; m < 50; m++) audit.note(refused);
    await audit.flush();
  }
  audit.note({ ...refused, extension: "a.other" });
  await audit.flush();
  expect(kept.filter(({ extension }) => extension === "a.b")).toHaveLength(600);
  expect([kept.at(-1)?.extension, lost]).toEqual(["a.other", 1_400]);
});

it("holds an owner's decision, however many refusals come before it", async () => {
  const kept: AuditRecord[] = [];
  const audit = new Audit(
    () => "denied",
    async (records) => void kept.push(...records),
  );
  for (let n = 0; n < 5_000; n++) audit.note(refused);
  audit.note({ extension: "a.b", kind: "grant", what: "consent to 1.0.0", allowed: true });
  await audit.flush();
  expect(kept.at(-1)).toMatchObject({ kind: "grant", what: "consent to 1.0.0" });
});

it("does not go on for ever when its keeper fails, even if that is noted as well", async () => {
  let tries = 0;
  const audit: Audit = new Audit(
    () => "denied",
    async () => {
      tries++;
      audit.note({ ...refused, what: "into plinth.audit" });
      throw new Error("stopped");
    },
  );
  audit.note(refused);
  await audit.flush();
  expect(tries).toBe(1);
});

it("wants what its level says, and always what owners change, unless it is off", () => {
  const of = (level: "off" | "denied" | "all"): boolean[] => {
    const audit = new Audit(
      () => level,
      async () => {},
    );
    return [audit.wants(false), audit.wants(true), audit.wants(true, "grant")];
  };
  expect(of("off")).toEqual([false, false, false]);
  expect(of("denied")).toEqual([true, false, true]);
  expect(of("all")).toEqual([true, true, true]);
});
