import assert from "node:assert/strict";
import type { CallOptions, Client, ToolDescriptor } from "../../extension/index.ts";
import { schemaProblems } from "../json-schema.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

type ToolInput = Parameters<Client<"plinth.tool">["call"]>[0];

export interface ToolSubject {
  /** A fresh tool for each case. */
  open(): Promise<{ tool: Client<"plinth.tool">; close?(): unknown }>;
  /** A call that succeeds, and can be made twice. */
  good: ToolInput | (() => ToolInput);
  /** A call that cannot succeed. */
  bad?: ToolInput | (() => ToolInput);
  /** A call that would take at least several seconds. */
  slow?: ToolInput | (() => ToolInput);
  /** The descriptor of a tool whose results have structured output. */
  output?: Pick<ToolDescriptor, "output">;
  /** For a tool whose descriptor says `progress`: a call of `run` that succeeds. */
  running?: ToolInput | (() => ToolInput);
}

const given = (input: ToolInput | (() => ToolInput)): ToolInput => (typeof input === "function" ? input() : input);
const call = (tool: Client<"plinth.tool">, input: ToolInput | (() => ToolInput), options?: CallOptions) => tool.call(given(input), options);

/** What `plinth.tool` asks of every tool. */
export const toolConformance: readonly ConformanceCase<ToolSubject>[] = [
  {
    name: "answers a good call with content that fits the contract",
    run: ({ open, good }) =>
      withOpened(open, async ({ tool }) => {
        const result = await call(tool, good);
        await assertFits("plinth.tool", "call", "output", result);
        assert.notEqual(result.isError, true, `a good call succeeds: ${JSON.stringify(result.content).slice(0, 300)}`);
        assert.ok(result.content.length > 0, "a result says something to the model");
      }),
  },
  {
    name: "gives the structured output that its descriptor promises",
    needs: ["output"],
    run: ({ open, good, output }) =>
      withOpened(open, async ({ tool }) => {
        const { structured } = (await call(tool, good)) as { structured?: unknown };
        assert.deepEqual(await schemaProblems(output?.output ?? false, structured), [], "it fits the output schema");
      }),
  },
  {
    name: "tells how far it is, and ends with one result",
    needs: ["running"],
    run: ({ open, running }) =>
      withOpened(open, async ({ tool }) => {
        const items = await collect(tool.run(given(running!)));
        for (const item of items) await assertFits("plinth.tool", "run", "item", item);
        assert.deepEqual(
          items.flatMap(({ type }, index) => (type === "result" ? [index] : [])),
          [items.length - 1],
          "there is one result, the last item",
        );
      }),
  },
  {
    name: "does not begin a `run` that is cancelled already",
    needs: ["running"],
    run: ({ open, running }) =>
      withOpened(open, async ({ tool }) => {
        await assertCodedFailure(collect(tool.run(given(running!), { signal: AbortSignal.abort() })));
      }),
  },
  {
    name: "answers the same call again",
    run: ({ open, good }) =>
      withOpened(open, async ({ tool }) => {
        await call(tool, good);
        const again = await call(tool, good);
        assert.notEqual(again.isError, true);
      }),
  },
  {
    name: "answers calls side by side",
    run: ({ open, good }) =>
      withOpened(open, async ({ tool }) => {
        for (const result of await Promise.all([call(tool, good), call(tool, good), call(tool, good)])) {
          await assertFits("plinth.tool", "call", "output", result);
        }
      }),
  },
  {
    name: "answers a bad call with a coded error or an error result",
    needs: ["bad"],
    run: ({ open, bad }) =>
      withOpened(open, async ({ tool }) => {
        const attempt = call(tool, bad!);
        const result = await attempt.catch(() => undefined);
        if (result === undefined) return void (await assertCodedFailure(attempt));
        await assertFits("plinth.tool", "call", "output", result);
        assert.equal(
          result.isError,
          true,
          "a bad call answers with `isError: true`, so that the model is told that it failed, or throws a coded error",
        );
      }),
  },
  {
    name: "survives arguments of the wrong types",
    run: ({ open, good }) =>
      withOpened(open, async ({ tool }) => {
        const { args, ...rest } = given(good);
        const wrong = Object.fromEntries(Object.keys(args).map((name) => [name, { unexpected: true }]));
        const attempt = tool.call({ ...rest, args: wrong });
        const result = await attempt.catch(() => undefined);
        if (result === undefined) await assertCodedFailure(attempt);
        else await assertFits("plinth.tool", "call", "output", result);
        assert.notEqual((await call(tool, good)).isError, true, "and still answers a good call");
      }),
  },
  {
    name: "refuses a call that is cancelled already",
    run: ({ open, good }) =>
      withOpened(open, async ({ tool }) => {
        await assertCodedFailure(call(tool, good, { signal: AbortSignal.abort() }));
      }),
  },
  {
    name: "ends a long call when it is cancelled",
    needs: ["slow"],
    run: ({ open, slow, good }) =>
      withOpened(open, async ({ tool }) => {
        const controller = new AbortController();
        const attempt = call(tool, slow!, { signal: controller.signal });
        attempt.catch(() => {});
        setTimeout(() => controller.abort(), 50);
        const result = await attempt.catch(() => undefined);
        if (result === undefined) await assertCodedFailure(attempt);
        else assert.equal(result.isError, true, "a cancelled call is no success");
        assert.notEqual((await call(tool, good)).isError, true, "and the next call is answered");
      }),
  },
];
