import { type Call, PlinthError } from "@plinth/sdk";
import { cancelByWord } from "./audit.ts";
import type { Ledger } from "./ledger.ts";
import type { Task } from "./task.ts";
import { viewerOf } from "./viewer.ts";
import { ago, shown, statusWords } from "./words.ts";

const ROWS = 5;

/** `/tasks`: what goes on in this conversation and elsewhere, and what ended last; `/tasks cancel ID`. */
export async function* tasksCommand(
  ledger: Ledger,
  { args, sessionKey }: { args: string; sessionKey: string },
  call: Call,
): AsyncGenerator<{ text: string }> {
  const viewer = viewerOf(call);
  const [verb, id, ...rest] = args.split(/\s+/).filter((word) => word !== "");
  if (verb === "cancel" && id !== undefined && rest.length === 0) {
    const { asked } = await cancelByWord(ledger, { id }, viewer);
    return yield { text: asked ? `\`${code(id)}\` is to be cancelled, with all that it began.` : `\`${code(id)}\` is over.` };
  }
  if (verb !== undefined)
    throw new PlinthError("PLINTH_USAGE", "Type /tasks, or /tasks cancel ID.", { next: "In a shell, plinth tasks list shows all of them." });
  const now = ledger.now();
  const { tasks: live } = await ledger.list({ status: ["queued", "running", "waiting"], limit: 1_000 }, viewer);
  const { tasks: here } = await ledger.list({ sessionKey, limit: ROWS }, viewer);
  const rows = [...live.slice(0, ROWS), ...here.filter((task) => !live.some((one) => one.id === task.id))].slice(0, ROWS);
  if (rows.length === 0) return yield { text: "Nothing runs beside this conversation, and nothing did lately." };
  const more = live.length > ROWS ? [`\n${live.length} go on; \`plinth tasks list --status live\` shows all of them.`] : [];
  yield { text: [...rows.map((task) => line(task, now)), ...more].join("\n") };
}

const line = (task: Task, now: number): string =>
  `- \`${code(task.id)}\` ${plain(statusWords(task))}, ${plain(task.kind)}: ${plain(task.title)} (${ago(now - task.updatedAt)} ago)`;

/** Nothing in it is markup. */
const plain = (text: string): string => shown(text).replace(/[[\]<>`*_~#|\\]/g, "\\$&");
const code = (text: string): string => shown(text, 256).replaceAll("`", "'");
