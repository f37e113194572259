import { changedBy, handsIn, saidBy, type TranscriptEntry } from "@plinth/sdk";
import { fit, plain, plainLines, renderTable } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";

export const sessionsList: OwnCommand = async (run) => {
  const limit = wholeNumber(run, "limit", 50, 1_000);
  const { sessions } = await run.ctx.use("plinth.session-store").one().list({ limit });
  const rows = sessions.map(({ key, entries, updatedAt, running }) => [key, String(entries), time(updatedAt), running ? "running" : "idle"]);
  await run.out(
    rows.length > 0
      ? renderTable(["SESSION", "ENTRIES", "UPDATED", "STATE"], rows, run.terminal)
      : 'There are no sessions yet. Start one with: plinth agent -m "Hello"\n',
  );
  await run.result({ sessions });
};

export const history: OwnCommand = async (run) => {
  const limit = wholeNumber(run, "limit", 100, 10_000);
  const key = run.arg("session") ?? (await defaultSession(run));
  const { entries } = await run.ctx.use("plinth.session-store").one().history({ key, limit });
  if (entries.length === 0) await run.out(`The session ${plain(key)} has no entries.\n`);
  for (const entry of entries) await run.out(entryText(run, entry));
  await run.result({ sessionKey: key, entries });
};

async function defaultSession(run: Run): Promise<string> {
  return (await run.ctx.use("plinth.router").one().route({ surface: "cli" })).sessionKey;
}

function entryText(run: Run, { at, body, origin }: TranscriptEntry): string {
  const { bold, dim } = run.paint;
  const head = (who: string) => `${bold(who)} ${dim(time(at))}\n`;
  if (body.kind === "command") return `${head("you")}${plainLines(body.command)}\n${head("command")}${plainLines(body.answer)}\n\n`;
  if (body.kind === "run-end") {
    const hands = handsIn(origin);
    return body.status === "ok"
      ? hands === undefined
        ? ""
        : `${dim(`— not only you had a hand in this: ${plain(hands)}`)}\n\n`
      : `${dim(`— ${body.status}${body.error ? `: ${plain(body.error.code)} ${plain(body.error.message)}` : ""}`)}\n\n`;
  }
  if (body.kind === "compaction") return `${dim("— summed up:")} ${plainLines(body.summary)}\n\n`;
  if (body.kind === "reset") return `${dim(`— a new conversation began: ${plain(body.reason)}`)}\n\n`;
  if (body.kind === "model-change") return `${dim(`— from here on ${plain(body.model)}`)}\n\n`;
  if (body.kind !== "message") return "";
  const { message } = body;
  const changed = changedBy(origin);
  if (message.role === "user")
    return `${head(`${plain(saidBy(origin))}${changed === undefined ? "" : ` (${plain(changed)})`}`)}${plainLines(message.text)}\n\n`;
  if (message.role === "assistant") {
    const calls = (message.toolCalls ?? []).map((call) => `${dim(line(run, `→ ${call.name} ${JSON.stringify(call.args)}`))}\n`);
    return `${head("agent")}${message.text ? `${plainLines(message.text)}\n` : ""}${calls.join("")}\n`;
  }
  const text = message.content.map((part) => (part.type === "text" ? part.text : `[${part.type}]`)).join(" ");
  return `${dim(line(run, `${message.isError ? "✗" : "←"} ${message.name}: ${text}`))}\n\n`;
}

function line(run: Run, text: string): string {
  return fit(plain(text), run.terminal.columns || 80);
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
