import { resolve } from "node:path";
import type { Client } from "@plinth/sdk";
import type { Product } from "./product.ts";

type Run = Client<"plinth.cli-command">["run"];
export type CommandInput = Parameters<Run>[0];
export type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

/** What the commands work with. */
export interface Author {
  readonly product: Product;
  readonly env: Readonly<Partial<Record<string, string>>>;
  /** Where publishers' keys and registries' tokens are kept. */
  readonly keyFolder: string;
}

/** An argument or option that is one word. */
export function word(values: CommandInput["args"] | CommandInput["options"], name: string): string | undefined {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A path as typed, or the current folder. */
export function pathOf(input: CommandInput, typed: string | undefined): string {
  return resolve(input.terminal.cwd, typed ?? ".");
}

/** Data for machines or lines for people, whichever was asked for. */
export function answer(input: CommandInput, result: unknown, lines: string[]): TerminalItem {
  return input.terminal.json ? { result } : { out: `${lines.join("\n")}\n` };
}
