import { changedBy, handsIn, partLabel, saidBy, type TranscriptEntry, toolResultsOf } from "@plinth/sdk";
import { fit, plain, plainLines, renderTable } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";

type Message = Extract<TranscriptEntry["body"], { kind: "message" }>["message"];

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
    return `${head(`${plain(saidBy(origin))}${changed === undefined ? "" : ` (${plain(changed)})`}`)}${said(run, message.content)}\n`;
  if (message.role === "assistant") return `${head("agent")}${said(run, message.content)}\n`;
  const results = toolResultsOf(message.content).map(({ name, content, isError }) => {
    const text = content.map((part) => (part.type === "text" ? part.text : partLabel(part))).join(" ");
    return `${dim(line(run, `${isError ? "✗" : "←"} ${name}: ${text}`))}\n\n`;
  });
  return results.join("");
}

/** A message's parts in their order, each on lines of its own. What is thought is not said. */
function said(run: Run, content: Message["content"]): string {
  const lines = content.flatMap((part) => {
    switch (part.type) {
      case "text":
      case "refusal":
        return part.text === "" ? [] : [plainLines(part.text)];
      case "tool-call":
        return [run.paint.dim(line(run, `→ ${part.name} ${JSON.stringify(part.args)}`))];
      case "image":
      case "audio":
      case "video":
      case "file":
      case "resource":
      case "citation":
        return [run.paint.dim(line(run, partLabel(part)))];
      default:
        return [];
    }
  });
  return lines.map((one) => `${one}\n`).join("");
}

function line(run: Run, text: string): string {
  return fit(plain(text), run.terminal.columns || 80);
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
