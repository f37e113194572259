import { color } from "../color.ts";
import { fit, plain, width } from "../table.ts";
import type { Row, Tick } from "./rates.ts";

export type Sort = "cpu" | "host" | "memory" | "name" | "calls" | "errors";
export const SORTS: readonly Sort[] = ["cpu", "host", "memory", "name", "calls", "errors"];

export interface View {
  sort: Sort;
  /** Bundled extensions that do not run, too. */
  all: boolean;
}

export interface Size {
  columns: number;
  /** Lines at most; undefined = as many as there are. */
  rows?: number | undefined;
  color: boolean;
}

type Column = { title: string; columns: number; of(row: Row): string };

const MIB = 1_048_576;
const LEAST_ID = 12;
const WIDEST_ID = 40;
const TIER = { host: "host", isolate: "isol", process: "proc" } as const;
const STATE = { active: "active", ready: "ready", disabled: "off", blocked: "left", quarantined: "faulty" } as const;
const STYLE = { active: "green", ready: "dim", disabled: "dim", blocked: "yellow", quarantined: "red" } as const;
const COLUMNS: Column[] = [
  { title: "TIER", columns: 4, of: ({ tier }) => TIER[tier] },
  { title: "STATE", columns: 6, of: ({ state }) => STATE[state] },
  { title: "CALL/S", columns: 6, of: (row) => number(row.callsPerSecond) },
  { title: "RUN", columns: 4, of: (row) => number(row.inFlight) },
  { title: "ERR", columns: 4, of: (row) => number(row.errors) },
  { title: "CPU%", columns: 5, of: (row) => (row.cpuPercent === null ? "-" : row.cpuPercent.toFixed(1)) },
  { title: "HOST", columns: 4, of: (row) => (row.hostPercent === null ? "-" : number(row.hostPercent)) },
  { title: "MEM", columns: 6, of: (row) => (row.memoryBytes === null ? "-" : `${size(row.memoryBytes)}${row.sharedProcess ? "*" : ""}`) },
  { title: "NET/S", columns: 6, of: (row) => size(row.egressBytesPerSecond) },
  { title: "BLOCK", columns: 5, of: (row) => milliseconds(row.blockedMs) },
  { title: "FLT", columns: 3, of: (row) => number(row.faults) },
];
const LEFT = new Set(["TIER", "STATE"]);

/** The whole screen as lines, none wider than the terminal. */
export function screen(tick: Tick, view: View, terminal: Size, keys: boolean): string[] {
  const paint = color(terminal);
  const shown = rowsOf(tick, view);
  const columns = columnsWithin(terminal.columns - LEAST_ID);
  const idWide = Math.min(WIDEST_ID, terminal.columns - widthOf(columns));
  const line = (id: string, cells: string[]) =>
    [pad(fit(id, idWide), idWide, true), ...cells.map((cell, at) => pad(cell, columns[at]?.columns ?? 0, LEFT.has(columns[at]?.title ?? "")))]
      .join(" ")
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const head = [...header(tick).map((text) => fit(text, terminal.columns)), "", paint.bold(line("EXTENSION", titles))];
  const shared = shown.some(({ sharedProcess }) => sharedProcess);
  const note = [keys ? "q quit  c CPU  h host  m memory  n name  s calls  e errors  a all" : "", shared ? "* shared process" : ""]
    .filter(Boolean)
    .join("  ");
  const foot = note === "" ? [] : ["", paint.dim(fit(note, terminal.columns))];
  const room = terminal.rows === undefined ? shown.length : Math.max(1, terminal.rows - head.length - foot.length - 1);
  const body = shown.slice(0, room).map((row) => {
    const cells = columns.map(({ of }) => of(row));
    const text = line(plain(row.id), cells);
    return row.state === "active" ? text : paint[STYLE[row.state]](text);
  });
  const hidden = shown.length - body.length;
  if (hidden > 0) body[body.length - 1] = paint.dim(`… ${hidden + 1} more`);
  return [...head, ...body, ...foot];
}

/** A narrow terminal shows fewer of them. */
function columnsWithin(room: number): Column[] {
  let count = COLUMNS.length;
  while (count > 0 && widthOf(COLUMNS.slice(0, count)) > room) count--;
  return COLUMNS.slice(0, count);
}

const widthOf = (columns: Column[]): number => columns.reduce((sum, one) => sum + one.columns + 1, 0);

/** What runs, what is at fault, and what does not belong to the product; the busiest first. */
export function rowsOf({ extensions }: Tick, { sort, all }: View): Row[] {
  const shown = extensions.filter((row) => all || row.state === "active" || row.faults > 0 || !row.bundled);
  const measures: { [name in Exclude<Sort, "name">]: (row: Row) => number } = {
    cpu: (row) => row.cpuPercent ?? -1,
    host: (row) => row.hostPercent ?? -1,
    memory: (row) => row.memoryBytes ?? -1,
    calls: (row) => row.callsPerSecond,
    errors: (row) => row.errors,
  };
  const by = sort === "name" ? () => 0 : measures[sort];
  return shown.sort((a, b) => by(b) - by(a) || (sort === "name" ? 0 : b.callsPerSecond - a.callsPerSecond) || (a.id < b.id ? -1 : 1));
}

function header({ host, extensions }: Tick): string[] {
  const active = extensions.filter(({ state }) => state === "active").length;
  const calls = extensions.reduce((sum, row) => sum + row.callsPerSecond, 0);
  const flight = extensions.reduce((sum, row) => sum + row.inFlight, 0);
  const generation = `generation ${host.generation}${host.draining.length > 0 ? `, draining ${host.draining.join(", ")}` : ""}`;
  return [
    `plinth top   process ${host.pid}, up ${duration(host.uptimeMs)}, ${generation}${host.safeMode ? ", safe mode" : ""}`,
    `host         CPU ${host.cpuPercent.toFixed(1)} %, memory ${Math.round(host.memory.rss / MIB)} MiB, event loop late by ${milliseconds(host.eventLoop.meanMs)}, at most ${milliseconds(host.eventLoop.maxMs)}`,
    `extensions   ${active} of ${extensions.length} active, ${number(Math.round(calls * 10) / 10)} calls/s, ${flight} in flight`,
  ];
}

function pad(text: string, columns: number, left: boolean): string {
  const space = " ".repeat(Math.max(0, columns - width(text)));
  return left ? text + space : space + text;
}

/** At most four characters. */
function number(value: number): string {
  if (value < 100) return String(Math.round(value * 10) / 10);
  if (value < 10_000) return String(Math.round(value));
  return value < 999_500 ? `${Math.round(value / 1_000)}k` : `${Math.round(value / 1e6)}M`;
}

/** Bytes in at most five characters. */
function size(bytes: number): string {
  if (bytes < 1_000) return String(Math.round(bytes));
  if (bytes < 1_000 * 1_024) return `${Math.round(bytes / 1_024)}K`;
  if (bytes < 1_000 * MIB) return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)}M`;
  return `${(bytes / 1_024 / MIB).toFixed(1)}G`;
}

function milliseconds(value: number): string {
  if (value < 1_000) return `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)}ms`;
  return value < 100_000 ? `${(value / 1_000).toFixed(1)}s` : `${Math.round(value / 1_000)}s`;
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1_000)} s`;
  if (minutes < 60) return `${minutes} min`;
  return minutes < 2_880 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 1_440)} days`;
}
