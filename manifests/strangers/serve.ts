import { parentPort } from "node:worker_threads";
import { isPlinthError } from "../wire/error.ts";

export type Answer =
  | { ready: true }
  | { value: unknown }
  /** Without a code it is no error that was foreseen. */
  | { error: { code?: string; message: string; next?: string | undefined; details?: unknown } };

/** What the thread can do, by name. */
export type Tasks = Readonly<Record<string, (input: never) => unknown>>;

const MAX_TEXT = 4_000;

/** The thread's side of a room: does one task after the other. Its owner bounds its time and memory. */
export function serve(tasks: Tasks): void {
  parentPort?.on("message", async ({ task, input }: { task: string; input: never }) => {
    const answer = await answerOf(tasks, task, input);
    try {
      parentPort?.postMessage(answer);
    } catch (thrown) {
      parentPort?.postMessage({ error: { message: (thrown as Error).message } } satisfies Answer);
    }
  });
  parentPort?.postMessage({ ready: true } satisfies Answer);
}

async function answerOf(tasks: Tasks, task: string, input: never): Promise<Answer> {
  try {
    if (!Object.hasOwn(tasks, task)) throw new TypeError(`there is no task ${task}`);
    return { value: await (tasks[task] as (input: never) => unknown)(input) };
  } catch (thrown) {
    const message = (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, MAX_TEXT);
    if (!isPlinthError(thrown)) return { error: { message } };
    const { code, next, details } = thrown;
    return { error: { code, message, next, details } };
  }
}
