import type { Output } from "./command-output.ts";

type Switch = "json" | "help";
export type Values = { [name in Exclude<keyof typeof OPTIONS, Switch>]?: string } & { [name in Switch]?: boolean };

export interface Result {
  text?: string;
  data?: unknown;
  /** Until then the command runs. */
  until?: Promise<void>;
}

export interface Command {
  name: string;
  /** What follows the name. */
  words: readonly string[];
  summary: string;
  options: readonly (keyof typeof OPTIONS)[];
  examples: readonly string[];
  run(values: Values, words: readonly string[], out: Output): Promise<Result>;
}

export const OPTIONS = {
  dir: { type: "string" },
  data: { type: "string" },
  database: { type: "string" },
  name: { type: "string" },
  port: { type: "string" },
  host: { type: "string" },
  proxies: { type: "string" },
  registration: { type: "string" },
  reads: { type: "string" },
  user: { type: "string" },
  scope: { type: "string" },
  for: { type: "string" },
  days: { type: "string" },
  label: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;
