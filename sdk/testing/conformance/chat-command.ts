import assert from "node:assert/strict";
import type { Client } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";

const ID = "plinth.chat-command";
type CommandClient = Client<"plinth.chat-command">;

export interface ChatCommandSubject {
  /** A fresh command for each case; calls are made for whoever may run it. */
  open(): Promise<{ command: CommandClient; close?(): unknown }>;
  /** Arguments with which it succeeds, twice if need be. */
  args: string;
  /** Arguments that mean nothing to it. */
  bad?: string;
  /** Arguments that make it keep on working for several seconds. */
  slow?: string;
}

const sessionKey = "conformance";

/** What `plinth.chat-command` asks of every command. */
export const chatCommandConformance: readonly ConformanceCase<ChatCommandSubject>[] = [
  {
    name: "answers with text",
    run: ({ open, args }) =>
      withOpened(open, async ({ command }) => {
        const items = await collect(command.run({ args, sessionKey }));
        for (const item of items) await assertFits(ID, "run", "item", item);
        assert.ok(
          items.some((item) => "text" in item && item.text.length > 0),
          "people get an answer",
        );
      }),
  },
  {
    name: "answers again",
    run: ({ open, args }) =>
      withOpened(open, async ({ command }) => {
        await collect(command.run({ args, sessionKey }));
        await collect(command.run({ args, sessionKey }));
      }),
  },
  {
    name: "answers arguments that it does not know with text or a coded error",
    needs: ["bad"],
    run: ({ open, bad }) => withOpened(open, ({ command }) => answersSomehow(command, bad!)),
  },
  {
    name: "takes hostile arguments as data",
    run: ({ open }) =>
      withOpened(open, async ({ command }) => {
        for (const args of ["__proto__ constructor", "../../etc/passwd", "--", "\u0000", "'\"`$(id)", "x".repeat(20_000)]) {
          await answersSomehow(command, args);
        }
      }),
  },
  {
    name: "does nothing when it is cancelled already",
    run: ({ open, args }) =>
      withOpened(open, async ({ command }) => {
        await assertCodedFailure(collect(command.run({ args, sessionKey }, { signal: AbortSignal.abort() })));
      }),
  },
  {
    name: "stops when it is cancelled",
    needs: ["slow"],
    run: ({ open, slow, args }) =>
      withOpened(open, async ({ command }) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 50);
        await assertCodedFailure(collect(command.run({ args: slow!, sessionKey }, { signal: controller.signal })));
        await collect(command.run({ args, sessionKey }));
      }),
  },
];

async function answersSomehow(command: CommandClient, args: string): Promise<void> {
  const attempt = collect(command.run({ args, sessionKey }));
  const items = await attempt.catch(() => undefined);
  if (items === undefined) return void (await assertCodedFailure(attempt));
  for (const item of items) await assertFits(ID, "run", "item", item);
  assert.ok(items.length > 0, "people are told something");
}
