import { type Call, errorInfo, type HttpItem, type HttpRequest } from "@plinth/sdk";
import { json, textOf } from "@plinth/sdk/kits/http";
import type { Terminal, TerminalItem } from "./line.ts";

const MAX_WORDS = 256;

/** POST /api/cli: a command line of a terminal elsewhere, answered as one JSON item a line. */
export async function* answerRoute(
  request: HttpRequest,
  call: Call,
  main: (input: { argv: string[]; terminal: Terminal }) => AsyncIterable<TerminalItem>,
): AsyncIterable<HttpItem> {
  const input = readLine(textOf(request));
  if (!input) {
    const message = "The body is not a command line.";
    yield* json(400, { error: { code: "PLINTH_REQUEST", message, next: "Send {argv: [words], terminal: {…}} as JSON." } });
    return;
  }
  yield { type: "head", status: 200, headers: { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" } };
  try {
    for await (const item of main(input)) yield { type: "text", text: `${JSON.stringify(item)}\n` };
  } catch (thrown) {
    if (call.signal.aborted) return;
    const { code, message, next } = errorInfo(thrown);
    yield { type: "text", text: `${JSON.stringify({ err: `error ${code}: ${message}\n${next ? `  next: ${next}\n` : ""}` })}\n` };
    yield { type: "text", text: `${JSON.stringify({ exit: 1 })}\n` };
  }
}

/** The command line, or undefined where the body is something else. A line from elsewhere is never local. */
function readLine(body: string): { argv: string[]; terminal: Terminal } | undefined {
  let value: { argv?: unknown; terminal?: unknown };
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { argv, terminal } = value;
  if (!Array.isArray(argv) || argv.length > MAX_WORDS || !argv.every((word) => typeof word === "string")) return undefined;
  const told = (typeof terminal === "object" && terminal !== null ? terminal : {}) as { [name: string]: unknown };
  const columns = typeof told.columns === "number" && Number.isFinite(told.columns) ? Math.trunc(told.columns) : 80;
  return {
    argv,
    terminal: {
      cwd: typeof told.cwd === "string" && told.cwd.startsWith("/") ? told.cwd : "/",
      json: told.json === true,
      tty: told.tty === true,
      columns: Math.min(Math.max(columns, 20), 1_000),
      color: told.color === true,
      local: false,
    },
  };
}
