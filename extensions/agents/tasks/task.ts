import type { Client } from "@plinth/sdk";

type Contract = Client<"plinth.tasks">;
export type Task = Awaited<ReturnType<Contract["create"]>>["task"];
export type TaskChange = Awaited<ReturnType<Contract["get"]>>["changes"][number];
export type Status = Task["status"];
export type Input<K extends keyof Contract> = Parameters<Contract[K]>[0];

/** As it stands in the file. */
export interface TaskRow {
  id: string;
  changed: number;
  revision: number;
  kind: string;
  title: string;
  status: Status;
  owner: string;
  /** Where the guest was proven in whose work it was begun; null: nobody's or the owner's. */
  guest: string | null;
  origin: string | null;
  parent: string | null;
  session: string | null;
  run: string | null;
  created: number;
  updated: number;
  ended: number | null;
  progress: string | null;
  result: string | null;
  error: string | null;
  cancel: string | null;
  deliver_to: string | null;
  delivery: string | null;
  fence: number;
  expires: number | null;
}

export const isOver = (status: Status): boolean => status === "done" || status === "failed" || status === "cancelled" || status === "lost";

/** @param name its id, as whoever reads it knows it */
export function taskOf(row: TaskRow, name: (id: string) => string): Task {
  const { revision, kind, title, status, owner } = row;
  return {
    ...{ id: name(row.id), revision, kind, title, status, owner },
    ...read("origin", row.origin),
    ...(row.parent === null ? {} : { parent: name(row.parent) }),
    ...(row.session === null ? {} : { sessionKey: row.session }),
    ...(row.run === null ? {} : { runId: row.run }),
    ...{ createdAt: row.created, updatedAt: row.updated },
    ...read("progress", row.progress),
    ...read("result", row.result),
    ...read("error", row.error),
    ...read("cancel", row.cancel),
    ...(row.deliver_to === null ? {} : { delivery: { to: row.deliver_to, status: row.delivery as NonNullable<Task["delivery"]>["status"] } }),
  };
}

function read<K extends "origin" | "progress" | "result" | "error" | "cancel">(name: K, json: string | null): Pick<Task, K> | undefined {
  if (json === null) return undefined;
  try {
    return { [name]: JSON.parse(json) } as unknown as Pick<Task, K>;
  } catch {
    // Out of a damaged file: the rest of the task can be read.
    return undefined;
  }
}
