import { type Client, type Context, errorInfo, visible } from "@plinth/sdk";
import { askerOf } from "./asker.ts";
import { Asked, type Found, PROBES, type Status } from "./probes.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

type Row = Found & { check: string; ms: number };

const COLOURS: Record<Status, number> = { ok: 32, look: 33, no: 2, wrong: 31 };
const MARKS: Record<Status, string> = { ok: "ok", look: "look", no: "no", wrong: "WRONG" };
const WIDEST = 24;
/** The mark, the name and what stands between. */
const BEFORE = 5 + 2 + WIDEST + 2;
const NARROWEST = 24;

/** `plinth models check SERVER`: a row for each thing that is asked, as it comes. Exit 1 where one is wrong. */
export async function* check(ctx: Context, { args, options, terminal }: Input, signal: AbortSignal): AsyncGenerator<TerminalItem> {
  const word = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const asker = await askerOf(ctx, word(args.server) ?? "", { api: word(options.api), secret: word(options.secret), header: word(options.header) });
  const paint = (code: number, text: string) => (terminal.color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const doing = (text: string): TerminalItem[] => (terminal.tty && !terminal.json ? [{ err: `\r\u001b[K${text === "" ? "" : `${text} …`}` }] : []);
  const rows: Row[] = [];
  const add = (row: Row): TerminalItem[] => {
    rows.push(row);
    const detail = visible(row.detail, { max: 400 });
    const told = terminal.tty ? beside(detail, terminal.columns) : detail;
    const line = `${paint(COLOURS[row.status], MARKS[row.status].padEnd(5))}  ${row.check.padEnd(WIDEST)}  ${told}\n`;
    return terminal.json ? [] : [...doing(""), { out: line }];
  };
  const only = word(options.only)?.split(",");
  const isMeant = (name: string) => only === undefined || only.some((one) => name.includes(one.trim()));

  yield* doing("asking for its models");
  const began = ctx.clock.now();
  const { found, first, next } = await listed(asker, signal);
  if (isMeant("models")) yield* add({ check: "models", ...found, ms: ctx.clock.now() - began });
  const model = word(options.model) ?? first;
  if (model !== undefined) {
    const asked = new Asked(asker, model, signal);
    for (const { name, run } of PROBES.filter((probe) => isMeant(probe.name))) {
      signal.throwIfAborted();
      yield* doing(name);
      const at = ctx.clock.now();
      const result = await run(asked);
      yield* add({ check: name, ...result, ms: ctx.clock.now() - at });
    }
  }
  const count = (status: Status) => rows.filter((row) => row.status === status).length;
  const ok = model !== undefined && count("wrong") === 0;
  if (terminal.json) yield { result: { server: asker.title, model: model ?? null, ok, rows } };
  else if (model === undefined) yield { out: nothingAsked(found, next) };
  else
    yield {
      out: `${visible(asker.title, { max: 300 })}, ${visible(model, { max: 200 })}: ${count("ok")} of ${rows.length} right, ${count("wrong")} wrong.\n`,
    };
  if (!ok) yield { exit: 1 };
}

/** In lines that end with the terminal; words that are longer than one are cut. */
function beside(text: string, columns: number): string {
  const width = Math.max(NARROWEST, columns - BEFORE);
  const lines = [""];
  for (const word of text.split(" ").flatMap((one) => one.match(new RegExp(`.{1,${width}}`, "gu")) ?? [])) {
    const line = lines.at(-1)!;
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join(`\n${" ".repeat(BEFORE)}`);
}

/** A server that cannot be reached is told otherwise than one that has no list. */
const nothingAsked = ({ status }: Found, next: string | undefined): string =>
  status === "wrong"
    ? `No more was asked.${next === undefined ? "" : ` ${visible(next, { max: 300 })}`} Where only its list is missing, name a model with --model.\n`
    : "Nothing was asked: it lists no model. Name one with --model.\n";

interface Listed {
  found: Found;
  first: string | undefined;
  next?: string | undefined;
}

async function listed({ models }: Awaited<ReturnType<typeof askerOf>>, signal: AbortSignal): Promise<Listed> {
  try {
    const all = await models(signal);
    const found: Found =
      all.length > 0
        ? { status: "ok", detail: `${all.length === 1 ? "One model" : `${all.length} models`}.` }
        : { status: "look", detail: "It lists none." };
    return { found, first: all[0]?.id };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message, next } = errorInfo(thrown);
    return { found: { status: "wrong", detail: `${code}: ${message}`.slice(0, 300) }, first: undefined, next };
  }
}
