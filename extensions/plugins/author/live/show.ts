import { bytes, milliseconds, type Paint, printable } from "../style.ts";
import type { DevEvent } from "./session.ts";

const LONGEST = 2_000;

/** One event as a line for people. */
export function shown(event: DevEvent, paint: Paint): string {
  switch (event.event) {
    case "loaded": {
      const { id, version, tier, size, buildMs, loadMs, totalMs, first } = event;
      const times = `${milliseconds(totalMs)} (build ${milliseconds(buildMs)}, load ${milliseconds(loadMs)})`;
      return `${paint("green", first ? "loaded" : "reloaded")} ${id} ${version} in the ${tier} tier, ${bytes(size)}, in ${paint("bold", times)}\n`;
    }
    case "log": {
      const fields = Object.keys(event.fields).length === 0 ? "" : ` ${paint("dim", cut(JSON.stringify(event.fields)))}`;
      const style = event.level === "error" ? "red" : event.level === "warn" ? "yellow" : "dim";
      return `${paint(style, event.level.padEnd(5))} ${cut(event.message)}${fields}\n`;
    }
    case "call":
      return `${paint("cyan", "→")} ${event.what} ${paint("dim", cut(JSON.stringify(event.input) ?? ""))}\n`;
    case "item":
      return itemText(event.item, paint);
    case "answer": {
      const text = event.result === undefined ? "" : ` ${resultText(event.result)}`;
      return `${paint("green", "✓")} ${event.what} in ${milliseconds(event.ms)}${text}\n`;
    }
    case "failed": {
      const { code, message, next } = event.error;
      return `${paint("red", "✗")} ${event.what} failed after ${milliseconds(event.ms)}: ${code}: ${cut(message)}${next === undefined ? "" : `\n  next: ${cut(next)}`}\n`;
    }
  }
}

/** Items of streams: a turn's events in words, all others as they are. */
function itemText(item: unknown, paint: Paint): string {
  const { type, delta, name, args, result, text, status, progress, suggest } = (item ?? {}) as Record<string, unknown>;
  if (type === "start" || type === "usage") return "";
  if (type === "tool-start") return `${paint("cyan", "→")} ${name} ${paint("dim", cut(JSON.stringify(args) ?? ""))}\n`;
  if (type === "tool-end") return `${paint("green", "✓")} ${name} ${resultText(result)}\n`;
  if (type === "end" && typeof text === "string") return `${status === "ok" ? cut(text) : paint("red", String(status))}\n`;
  if (type === "text" && typeof delta === "string") return "";
  if (type === undefined && typeof text === "string") return `${cut(text)}\n`;
  if (type === undefined && typeof progress === "string") return `${paint("dim", cut(progress))}\n`;
  if (type === undefined && Array.isArray(suggest)) return `${paint("dim", cut(JSON.stringify(suggest)))}\n`;
  return `${paint("dim", cut(JSON.stringify(item) ?? ""))}\n`;
}

/** A tool's result in its own words. */
function resultText(result: unknown): string {
  if (typeof result === "string") return cut(result);
  const { content, isError } = (result ?? {}) as { content?: { type: string; text?: string }[]; isError?: boolean };
  if (!Array.isArray(content)) return cut(JSON.stringify(result) ?? "");
  const text = content.map((part) => (part.type === "text" ? (part.text ?? "") : `(${part.type})`)).join("\n");
  return cut(isError ? `(an error) ${text}` : text);
}

const cut = (text: string): string => printable(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
