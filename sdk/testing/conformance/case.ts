import assert from "node:assert/strict";
import { contractProblems } from "../contract-table.ts";

/** One behaviour that a contract asks of its providers. Any test runner can run it. */
export interface ConformanceCase<Subject> {
  readonly name: string;
  /** Optional parts of the subject without which the case cannot be run. */
  readonly needs?: readonly (keyof Subject & string)[];
  /** Resolves when the provider behaves; throws an AssertionError when it does not. */
  run(subject: Subject): Promise<void>;
}

/** The two functions that vitest, node:test and their kin share. */
export interface ConformanceRunner {
  describe(name: string, body: () => void): unknown;
  it: ((name: string, body: () => Promise<void>) => unknown) & { skip?: (name: string, body: () => Promise<void>) => unknown };
}

/**
 * Hand a suite to a test runner. Cases whose needs the subject does not meet are shown as skipped.
 *
 * @example describeConformance({ describe, it }, "tool dice", toolConformance, subject);
 */
export function describeConformance<Subject extends object>(
  runner: ConformanceRunner,
  name: string,
  cases: readonly ConformanceCase<Subject>[],
  subject: Subject,
): void {
  runner.describe(`${name} keeps its contract`, () => {
    for (const one of cases) {
      const missing = (one.needs ?? []).filter((need) => (subject as Record<string, unknown>)[need] === undefined);
      if (missing.length === 0) runner.it(one.name, () => one.run(subject));
      else runner.it.skip?.(`${one.name} (the subject gives no ${missing.join(", ")})`, async () => {});
    }
  });
}

/** Open a subject for one case and close it whatever happens. */
export async function withOpened<T extends { close?(): unknown }>(open: () => T | Promise<T>, body: (opened: T) => Promise<void>): Promise<void> {
  const opened = await open();
  try {
    await body(opened);
  } finally {
    await opened.close?.();
  }
}

export async function assertFits(contract: string, method: string, part: "output" | "item", value: unknown): Promise<void> {
  assert.deepEqual(await contractProblems(contract, method, part, value), [], `${method}: the ${part} fits the contract`);
}

/** Every failure that crosses a contract has a code, and a sentence for people. */
export async function assertCodedFailure(attempt: Promise<unknown>): Promise<Error & { code: string }> {
  const thrown = await attempt.then(
    () => assert.fail("It should have failed."),
    (error: unknown) => error as Error & { code: string },
  );
  assert.match(String(thrown?.code), /^PLINTH_[A-Z0-9_]+$/, `"${String(thrown?.message)}" has a code`);
  assert.ok(thrown.message.length > 0, "it has a message");
  return thrown;
}

/** All items of a stream; a stream that does not end on its own is cut after `limit` items. */
export async function collect<T>(stream: AsyncIterable<T>, limit = 100_000): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) {
    items.push(item);
    assert.ok(items.length < limit, `The stream ends within ${limit} items.`);
  }
  return items;
}
