import assert from "node:assert/strict";
import type { CallOptions, Client, SetTool } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

type SetClient = Client<"plinth.tool-set">;
type SetInput = Parameters<SetClient["call"]>[0];

export interface ToolSetSubject {
  /** A fresh set for each case. */
  open(): Promise<{ set: SetClient; close?(): unknown }>;
  /** What the manifest says that its tools can do at most. */
  effects: readonly string[];
  /** A call of one of its tools that succeeds, and can be made twice. */
  good: SetInput;
  /** A call that would take at least several seconds. */
  slow?: SetInput;
}

/** What `plinth.tool-set` asks of every set. */
export const toolSetConformance: readonly ConformanceCase<ToolSetSubject>[] = [
  {
    name: "lists tools that fit the contract, each once, and comes to an end",
    run: ({ open }) =>
      withOpened(open, async ({ set }) => {
        const tools = await listed(set);
        const names = tools.map(({ name, source }) => `${source ?? ""} ${name}`);
        assert.ok(names.length > 0, "there is a tool");
        assert.equal(new Set(names).size, names.length, "each is there once");
      }),
  },
  {
    name: "lists the same again while nothing changed",
    run: ({ open }) => withOpened(open, async ({ set }) => assert.deepEqual(await listed(set), await listed(set))),
  },
  {
    name: "says of no tool that it does more than the set may",
    run: ({ open, effects }) =>
      withOpened(open, async ({ set }) => {
        for (const tool of await listed(set))
          assert.deepEqual(
            (tool.effects ?? []).filter((one) => !effects.includes(one)),
            [],
            tool.name,
          );
      }),
  },
  {
    name: "answers a good call with content that fits the contract, twice and side by side",
    run: ({ open, good }) =>
      withOpened(open, async ({ set }) => {
        await answers(set, good);
        await Promise.all([answers(set, good), answers(set, good)]);
      }),
  },
  {
    name: "answers before it was listed: a host may know its list from before",
    run: ({ open, good }) => withOpened(open, async ({ set }) => answers(set, good)),
  },
  {
    name: "fails with a code when it has no such tool, and goes on",
    run: ({ open, good }) =>
      withOpened(open, async ({ set }) => {
        await assertCodedFailure(set.call({ ...good, tool: "there-is-no-such-tool" }));
        await assertCodedFailure(set.call({ ...good, source: "nowhere" }));
        await answers(set, good);
      }),
  },
  {
    name: "refuses a call that is cancelled already",
    run: ({ open, good }) => withOpened(open, async ({ set }) => void (await assertCodedFailure(set.call(good, { signal: AbortSignal.abort() })))),
  },
  {
    name: "ends a long call when it is cancelled",
    needs: ["slow"],
    run: ({ open, slow, good }) =>
      withOpened(open, async ({ set }) => {
        const controller = new AbortController();
        const attempt = set.call(slow!, { signal: controller.signal });
        attempt.catch(() => {});
        setTimeout(() => controller.abort(), 50);
        await assertCodedFailure(attempt);
        await answers(set, good);
      }),
  },
];

async function listed(set: SetClient): Promise<SetTool[]> {
  const tools: SetTool[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 1_000; page++) {
    const answer = await set.list(cursor === undefined ? {} : { cursor });
    await assertFits("plinth.tool-set", "list", "output", answer);
    tools.push(...answer.tools);
    cursor = answer.next;
    if (cursor === undefined) return tools;
  }
  return assert.fail("The list comes to an end.");
}

async function answers(set: SetClient, input: SetInput, options?: CallOptions): Promise<void> {
  const result = await set.call(input, options);
  await assertFits("plinth.tool-set", "call", "output", result);
  assert.notEqual(result.isError, true, `a good call succeeds: ${JSON.stringify(result.content).slice(0, 300)}`);
}
