import { defineExtension, messagesFrom, PlinthError } from "@plinth/sdk";
import { compacted } from "./compaction.ts";
import { Instructions } from "./instructions.ts";
import type { Limits, LoopInput } from "./loop.ts";
import { contextOf } from "./model-context.ts";
import { Rooms, type Shares } from "./room.ts";
import { runLoop } from "./run-loop.ts";
import { ToolRunner } from "./tool-runner.ts";
import { partsOf } from "./weight.ts";
import { Words } from "./words.ts";

export default defineExtension({
  activate(ctx) {
    const limits: Limits = {
      maxRounds: 24,
      maxToolCalls: 64,
      toolTimeoutMs: 120_000,
      maxToolResultChars: 100_000,
      ...(ctx.config as Partial<Limits>),
    };
    const { retries, retryBaseMs, maxContextChars = 100_000 } = ctx.config as { retries?: number; retryBaseMs?: number; maxContextChars?: number };
    const rooms = new Rooms({ compactAt: 0.75, compactKeep: 0.3, ...(ctx.config as Partial<Shares>) });
    const models = ctx.use("plinth.models").one();
    const instructions = new Instructions(ctx, maxContextChars);

    /** By run, of those that go on. */
    const running = new Map<string, Words>();

    const runnerOf = (input: LoopInput): ToolRunner =>
      new ToolRunner(ctx, limits, input, async (signal) => {
        const { fallbacks } = input;
        const asked = { model: input.model, sessionKey: input.sessionKey, ...(fallbacks === undefined ? {} : { fallbacks }) };
        const { choices } = await models.choose(asked, { signal });
        return Math.min(...choices.map(({ mostTools = Number.POSITIVE_INFINITY }) => mostTools));
      });

    ctx.provide("plinth.harness", "native", {
      steer: ({ runId, content, when }) => ({ taken: running.get(runId)?.add(content, when) ?? "no" }),
      async *compact({ focus, ...input }, { signal, caller }) {
        const room = rooms.of(input.sessionKey, input.model);
        if (room.limitTokens === undefined && !room.unknown) room.knows(await contextOf(models, input, signal));
        const history = messagesFrom(input.history, caller);
        const bounds = { ...room.bounds({ system: [], messages: history, tools: [] }, true), focus };
        const shorter = yield* compacted(ctx, { ...input, history }, history, bounds, signal);
        if (shorter === undefined) throw nobody();
        yield shorter.told;
      },
      async weigh(input, { signal }) {
        const room = rooms.of(input.sessionKey, input.model);
        if (room.limitTokens === undefined && !room.unknown) room.knows(await contextOf(models, input, signal));
        const fit = { room, limit: async () => room.limitTokens };
        const [{ sections }, { offered }] = await Promise.all([instructions.sections(input, fit, signal), runnerOf(input).list(0, signal)]);
        const parts = partsOf(sections, offered, input.history, (chars) => room.tokens(chars));
        return { parts, ...(room.limitTokens === undefined ? {} : { limitTokens: room.limitTokens }) };
      },
      async *run(input, call) {
        const tools = runnerOf(input);
        const words = new Words();
        // The loop says in which call something has to be called.
        const { toolChoice: _, ...options } = input.options ?? {};
        running.set(input.runId, words);
        const turn = { ...input, history: messagesFrom(input.history, call.caller) };
        const room = rooms.of(input.sessionKey, input.model);
        const limit = (signal: AbortSignal): Promise<number | undefined> => contextOf(models, input, signal);
        const loop = runLoop(
          turn,
          {
            stream: (model, { system, messages, tools, toolChoice }, signal) =>
              models.stream(
                {
                  model,
                  system,
                  messages,
                  tools,
                  sessionKey: input.sessionKey,
                  ...(input.agent === undefined ? {} : { agent: input.agent }),
                  ...(input.fallbacks === undefined ? {} : { fallbacks: input.fallbacks }),
                  ...(retries === undefined ? {} : { retries }),
                  ...(retryBaseMs === undefined ? {} : { retryBaseMs }),
                  ...(input.thinking === undefined ? {} : { thinking: input.thinking }),
                  ...(input.output === undefined ? {} : { output: input.output }),
                  ...options,
                  ...(toolChoice === undefined ? {} : { toolChoice }),
                  cacheKey: input.sessionKey,
                  // A conversation goes on with a model that can do less than the one before.
                  onUnsupported: "drop",
                },
                { signal },
              ),
            room,
            limit,
            compact: (messages, bounds, signal) => compacted(ctx, turn, messages, bounds, signal),
            instructions: (signal) => instructions.build(turn, { room, limit }, signal),
            tools: (beside, signal) => tools.list(beside, signal),
            callTool: (toolCall, tool, signal, tell) => tools.run(toolCall, tool, signal, tell),
            words,
          },
          limits,
          call.signal,
        );
        try {
          yield* loop;
        } finally {
          if (running.get(input.runId) === words) running.delete(input.runId);
        }
      },
    });
  },
});

const nobody = (): PlinthError =>
  new PlinthError("PLINTH_CAPABILITY_MISSING", "Nothing here makes conversations shorter.", { next: "Enable plinth.compaction." });
