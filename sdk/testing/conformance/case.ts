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

/** The same client; everything that it answers is held against its contract. */
export function fitting<T extends object>(contract: string, client: T): T {
  const items = async function* (name: string, stream: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const item of stream) {
      await assertFits(contract, name, "item", item);
      yield item;
    }
  };
  return new Proxy(client, {
    get(target, name) {
      const method = (target as Record<string | symbol, unknown>)[name];
      if (typeof name !== "string" || typeof method !== "function") return method;
      return (...args: unknown[]) => {
        const answer = (method as (...args: unknown[]) => unknown).apply(target, args) as AsyncIterable<unknown> & Promise<unknown>;
        if (typeof answer?.[Symbol.asyncIterator] === "function") return items(name, answer);
        return answer.then(async (output) => {
          await assertFits(contract, name, "output", output);
          return output;
        });
      };
    },
  });
}

export interface Opening<T> {
  /** A subject of its own for each case. */
  open(): Promise<{ subject: T; close?(): unknown }>;
}

/** Makes cases of a contract: each gets a subject of its own, whose answers are held against the contract. */
export const casesOf =
  <T extends object, S extends Opening<T> = Opening<T>>(contract: string) =>
  (name: string, body: (subject: T, given: S) => Promise<void>, needs?: readonly (keyof S & string)[]): ConformanceCase<S> => ({
    name,
    ...(needs === undefined ? {} : { needs }),
    run: (given) =>
      withOpened(
        () => given.open(),
        ({ subject }) => body(fitting(contract, subject), given),
      ),
  });

/** Fails with one of these codes. */
export async function assertCode(attempt: Promise<unknown>, ...codes: string[]): Promise<void> {
  const { code } = await assertCodedFailure(attempt);
  assert.ok(codes.includes(code), `${code} is ${codes.join(" or ")}`);
}
