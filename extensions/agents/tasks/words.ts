import { visible } from "@plinth/sdk";
import type { Finding } from "./audit.ts";
import type { Task, TaskChange } from "./task.ts";

export const shown = (text: string, max = 200): string => visible(text, { max });

/** Such as 40 s, 12 min, 3 h, 2 d. */
export function ago(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** `cancelled`, `running, to be cancelled`, `running, 40 %: reads`. */
export function statusWords({ status, cancel, progress }: Task): string {
  const isLive = status === "queued" || status === "running" || status === "waiting";
  const percent = progress?.percent === undefined ? "" : `, ${Math.round(progress.percent)} %`;
  const text = progress?.text === undefined ? "" : `: ${shown(progress.text)}`;
  return isLive ? `${status}${cancel === undefined ? "" : ", to be cancelled"}${percent}${text}` : status;
}

export function lineOf(task: Task, now: number): string {
  return `${shown(task.id, 256)}  ${statusWords(task)}  ${shown(task.kind, 80)}: ${shown(task.title)}  (${ago(now - task.updatedAt)} ago)`;
}

export function factsOf(task: Task, now: number): [name: string, value: string][] {
  const { origin, cancel, delivery } = task;
  const influences = origin?.influences?.map(({ party, how }) => `${party} (${how})`) ?? [];
  const facts: [string, string | undefined][] = [
    ["Status", statusWords(task)],
    ["Kind", task.kind],
    ["Run by", task.owner],
    ["Asked by", origin === undefined ? undefined : [origin.by, ...(origin.via === undefined ? [] : [`via ${origin.via}`])].join(" ")],
    ["Others in it", influences.length === 0 ? undefined : influences.join(", ")],
    ["Part of", task.parent],
    ["Session", task.sessionKey],
    ["Turn", task.runId],
    ["Begun", `${new Date(task.createdAt).toISOString()} (${ago(now - task.createdAt)} ago)`],
    ["Changed", `${new Date(task.updatedAt).toISOString()} (${ago(now - task.updatedAt)} ago)`],
    ["To cancel", cancel === undefined ? undefined : `asked by ${cancel.by}${cancel.why === undefined ? "" : `: ${cancel.why}`}`],
    ["Told", delivery === undefined ? undefined : `${delivery.to}: ${delivery.status}`],
    ["Error", task.error === undefined ? undefined : `${task.error.code}: ${task.error.message}`],
    ["Result", task.result?.flatMap((part) => (part.type === "text" ? [String(part.text)] : [`[${part.type}]`])).join(" ")],
  ];
  return facts.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, shown(value, 2_000)] as [string, string]]));
}

export function changeLine(change: TaskChange): string {
  const { type, at, by, ...more } = change as { type: string; at: number; by: string; status?: string; why?: string };
  const what = type === "cancel" ? "to be cancelled" : type === "delivery" ? `told: ${more.status}` : String(more.status);
  return `${new Date(at).toISOString()}  ${what}  by ${shown(by, 80)}${more.why === undefined ? "" : `: ${shown(more.why)}`}`;
}

export const findingLine = ({ severity, code, task, message }: Finding): string => `${severity.padEnd(7)}  ${code}  ${shown(task, 256)}  ${message}`;
