import { changedBy, handsIn, PlinthError, partLabel, type SessionInfo, saidBy, type TranscriptEntry, toolResultsOf } from "@plinth/sdk";
import { fit, plain, plainLines, renderTable } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";
import { method } from "./session-keeping.ts";

type Message = Extract<TranscriptEntry["body"], { kind: "message" }>["message"];

export const sessionsList: OwnCommand = async (run) => {
  const limit = wholeNumber(run, "limit", 50, 1_000);
  const archived = run.options.archived === true;
  const label = run.option("label");
  const { sessions } = await store(run).list({ limit, ...(archived ? { archived } : {}), ...(label && { label }) });
  const rows = sessions.map((one) => [one.key, one.title ?? "", String(one.entries), time(one.updatedAt), stateOf(one)]);
  await run.out(
    rows.length > 0
      ? renderTable(["SESSION", "TITLE", "ENTRIES", "UPDATED", "STATE"], rows, run.terminal)
      : label !== undefined
        ? `There are no sessions with the label ${plain(label)}.\n`
        : `There are no ${archived ? "archived sessions" : 'sessions yet. Start one with: plinth agent -m "Hello"'}\n`,
  );
  await run.result({ sessions });
};

/** `sessions show`: what was said, as it stands in the transcript. */
export const sessionsShow: OwnCommand = async (run) => {
  const limit = wholeNumber(run, "limit", 100, 10_000);
  const key = run.arg("session") ?? (await defaultSession(run));
  const { entries } = await store(run).history({ key, limit });
  if (entries.length === 0) await run.out(`The session ${plain(key)} has no entries.\n`);
  for (const entry of entries) await run.out(entryText(run, entry));
  await run.result({ sessionKey: key, entries });
};

export const sessionsRename: OwnCommand = async (run) => {
  const key = run.arg("session") as string;
  const title = words(run, "title");
  const { session } = await store(run).update({ key, title: title === "" ? null : title });
  await run.out(title === "" ? `${plain(key)} has no title any more.\n` : `${plain(key)} is called ${plain(title)} now.\n`);
  await run.result({ session });
};

/** Asks first: what was said is gone for good. */
export const sessionsDelete: OwnCommand = async (run) => {
  const key = run.arg("session") as string;
  const { session } = await store(run).get({ key });
  if (session === undefined)
    throw new PlinthError("PLINTH_SESSION_UNKNOWN", `There is no session ${key}.`, { next: "plinth sessions list shows those there are." });
  if (run.options.yes !== true) {
    await run.out(`This deletes ${plain(key)} with its ${session.entries} entries for good.\n`);
    await run.result({ status: "needs-confirmation", session });
    return await run.emit({ confirm: { question: `Delete the session ${plain(key)}?`, argv: ["sessions", "delete", "--yes", "--", key] } });
  }
  const { entries } = await method<{ entries: number }>(run, "sessions.delete", { sessionKey: key });
  await run.out(`${plain(key)} is deleted, with ${entries} entries.\n`);
  await run.result({ status: "deleted", key, entries });
};

/** Full text; the newest words of an excerpt are cut where the terminal ends. */
export const sessionsSearch: OwnCommand = async (run) => {
  const [key, cursor] = [run.option("session"), run.option("cursor")];
  const found = await store(run).search({
    text: words(run, "words"),
    limit: wholeNumber(run, "limit", 20, 100),
    ...(key === undefined ? {} : { key }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const rows = found.hits.map((hit) => [hit.key, time(hit.at), hit.excerpt]);
  await run.out(rows.length > 0 ? renderTable(["SESSION", "SAID AT", "EXCERPT"], rows, run.terminal) : "Nothing that was said has these words.\n");
  if (found.next !== undefined) await run.err(`There is more: --cursor ${plain(found.next)}\n`);
  await run.result(found);
};

/** `sessions withdraw`: a message that waits for its turn is taken back. */
export const sessionsWithdraw: OwnCommand = async (run) => {
  const runId = run.arg("run") as string;
  const { withdrawn } = await run.ctx.use("plinth.turns").one().withdraw({ runId });
  await run.out(withdrawn ? `${plain(runId)} is taken back.\n` : `${plain(runId)} does not wait any more.\n`);
  await run.result({ runId, withdrawn });
  if (!withdrawn) await run.emit({ exit: 1 });
};

const store = (run: Run) => run.ctx.use("plinth.session-store").one();

const words = ({ args }: Run, name: string): string => [args[name] ?? []].flat().join(" ").trim();

function stateOf({ running, waiting }: SessionInfo): string {
  const busy = running === undefined ? "idle" : "running";
  return waiting === undefined ? busy : `${busy}, ${waiting} waiting`;
}

export async function defaultSession(run: Run): Promise<string> {
  return (await run.ctx.use("plinth.router").one().route({ surface: "cli" })).sessionKey;
}

/** One entry as a person reads it; "" for what is not for people. */
export function entryText(run: Run, { at, body, origin }: TranscriptEntry): string {
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
  if (body.kind === "repair") return `${dim(`— ${body.undoes === undefined ? "models are shown this otherwise" : "a repair was taken back"}`)}\n\n`;
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
