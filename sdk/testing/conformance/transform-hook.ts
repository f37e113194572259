import assert from "node:assert/strict";
import type { HookName } from "../../extension/index.ts";
import { loadContracts } from "../contract-table.ts";
import { schemaProblems } from "../json-schema.ts";
import type { TestHost } from "../test-host.ts";
import { type ConformanceCase, withOpened } from "./case.ts";

export interface TransformHookSubject {
  /** A fresh host with the subscriber for each case. */
  open(): Promise<{ host: TestHost; close?(): unknown }>;
  hook: HookName;
  /** A payload that the subscriber changes. */
  changed: object;
  /** A payload that it leaves as it is. */
  unchanged: object;
}

/** What every subscriber of a transforming hook owes to those that come after it. */
export const transformHookConformance: readonly ConformanceCase<TransformHookSubject>[] = [
  {
    name: "answers with a payload that fits the hook",
    run: (subject) =>
      withOpened(subject.open, async ({ host }) => {
        const outcome = await fired(host, subject, subject.changed);
        assert.notDeepEqual(outcome, subject.changed, "this payload is changed");
      }),
  },
  {
    name: "leaves alone what does not concern it",
    run: (subject) =>
      withOpened(subject.open, async ({ host }) => {
        assert.deepEqual(await fired(host, subject, subject.unchanged), subject.unchanged);
      }),
  },
  {
    name: "says the same to the same payload, and does not change the payload that it is given",
    run: (subject) =>
      withOpened(subject.open, async ({ host }) => {
        const given = structuredClone(subject.changed);
        assert.deepEqual(await fired(host, subject, given), await fired(host, subject, given));
        assert.deepEqual(given, subject.changed);
      }),
  },
  {
    name: "keeps payloads apart that come side by side",
    run: (subject) =>
      withOpened(subject.open, async ({ host }) => {
        const [changed, unchanged] = await Promise.all([fired(host, subject, subject.changed), fired(host, subject, subject.unchanged)]);
        assert.notDeepEqual(changed, subject.changed);
        assert.deepEqual(unchanged, subject.unchanged);
      }),
  },
  {
    name: "survives hostile texts",
    run: (subject) =>
      withOpened(subject.open, async ({ host }) => {
        for (const text of ["__proto__", "$& $1 \\", "\u0000", "(((((", "x".repeat(100_000)]) {
          const texts = Object.entries(subject.unchanged).map(([name, value]) => [name, name === "text" ? text : value]);
          await fired(host, subject, Object.fromEntries(texts));
        }
      }),
  },
];

async function fired(host: TestHost, { hook }: TransformHookSubject, payload: object): Promise<unknown> {
  const outcome: unknown = await host.fire(hook, payload);
  assert.deepEqual(
    host.faults.map(({ message }) => message),
    [],
    "no subscriber failed",
  );
  const definition = (await loadContracts([])).hook(hook);
  assert.ok(definition.mode.startsWith("transform"), `${hook} is a transforming hook`);
  assert.deepEqual(await schemaProblems(definition.payload, outcome), [], "the payload fits the hook");
  return outcome;
}
