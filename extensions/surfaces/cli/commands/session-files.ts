import { type FileHandle, open, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { PlinthError, type SessionInfo, type TranscriptEntry } from "@plinth/sdk";
import { escaped } from "../line.ts";
import { plain } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

const PAGE = 200;
/** Of one page of an import, in characters. */
const PAGE_CHARS = 4_000_000;

/** As JSONL: the session, then each entry of every branch in the order of writing, as the store's contract has them. */
export const sessionsExport: OwnCommand = async (run) => {
  const key = run.arg("session") as string;
  const file = run.arg("file");
  const items = store(run).export({ key }, { signal: run.signal });
  if (file === undefined) {
    if (run.terminal.json) throw usage("A session is printed as JSON lines without --json.", "Leave --json away, or name a file.");
    for await (const item of items) await run.out(`${escaped(JSON.stringify(item))}\n`);
    return;
  }
  const path = resolve(run.terminal.cwd, file);
  let handle: FileHandle | undefined;
  let entries = 0;
  try {
    for await (const item of items) {
      // Not before there is a session to write.
      handle ??= await created(path);
      await handle.writeFile(`${JSON.stringify(item)}\n`);
      if (item.type === "entry") entries++;
    }
  } catch (error) {
    if (handle !== undefined) await rm(path, { force: true });
    throw error;
  } finally {
    await handle?.close();
  }
  await run.out(`${plain(key)} is in ${plain(path)}, with ${entries} entries.\n`);
  await run.result({ key, file: path, entries });
};

/** The whole file is looked at before anything of it is kept; what is there already is not added again. */
export const sessionsImport: OwnCommand = async (run) => {
  const path = resolve(run.terminal.cwd, run.arg("file") as string);
  const session = await checked(run, path);
  const named = run.option("session");
  const key = named ?? session.key;
  if (named === undefined && (await store(run).get({ key })).session !== undefined)
    throw new PlinthError("PLINTH_SESSION_EXISTS", `There is a session ${key} already.`, {
      next: `Name one with --session; --session ${key} adds to that one.`,
    });
  const title = run.option("title") ?? session.title;
  const facts = { ...(title && { title }), ...(session.labels && { labels: session.labels }) };
  let page: TranscriptEntry[] = [];
  let chars = 0;
  let added = 0;
  const give = async (head?: string) => {
    added += (await store(run).import({ key, entries: page, ...facts, ...(head && { head }) })).added;
    page = [];
    chars = 0;
  };
  for await (const { item, size } of lines(run, path)) {
    if (item.type !== "entry") continue;
    page.push(item.entry);
    chars += size;
    if (page.length >= PAGE || chars >= PAGE_CHARS) await give();
  }
  await give(session.head ?? undefined);
  await run.out(
    `${plain(key)} has ${added === 1 ? "one more entry" : `${added} more entries`}. Who said what in it is not believed: it came from outside.\n`,
  );
  await run.result({ key, added });
};

type Item = { type: "session"; session: SessionInfo } | { type: "entry"; entry: TranscriptEntry };

async function checked(run: Run, path: string): Promise<SessionInfo> {
  let session: SessionInfo | undefined;
  const known = new Set<string>();
  for await (const { item, line } of lines(run, path)) {
    if (item.type === "session" && session === undefined && typeof item.session?.key === "string") session = item.session;
    else if (item.type === "entry" && session !== undefined && isEntry(item.entry, known)) known.add(item.entry.id);
    else throw wrong(path, line, session === undefined ? "does not begin with a session" : "is no entry that hangs below one before it");
  }
  if (session === undefined) throw wrong(path, 1, "does not begin with a session");
  const { head } = session;
  if (head !== null && !known.has(head)) throw wrong(path, 1, "ends with an entry that is not in the file");
  return session;
}

const isEntry = (entry: TranscriptEntry | undefined, known: ReadonlySet<string>): boolean =>
  typeof entry?.id === "string" && typeof entry.body?.kind === "string" && (entry.parent === null || known.has(entry.parent));

async function* lines(run: Run, path: string): AsyncGenerator<{ item: Item; line: number; size: number }> {
  const handle = await open(path).catch((thrown: NodeJS.ErrnoException) => {
    throw new PlinthError("PLINTH_SESSION_FILE", `${path} cannot be read: ${thrown.code}.`, {
      next: "Name a file that `plinth sessions export` wrote.",
    });
  });
  try {
    let line = 0;
    for await (const text of createInterface({ input: handle.createReadStream({ autoClose: false }), crlfDelay: Number.POSITIVE_INFINITY })) {
      run.signal.throwIfAborted();
      line++;
      if (text.trim() === "") continue;
      yield { item: parsed(text, path, line), line, size: text.length };
    }
  } finally {
    await handle.close();
  }
}

function parsed(text: string, path: string, line: number): Item {
  try {
    const item = JSON.parse(text) as Item | null;
    if (item?.type === "session" || item?.type === "entry") return item;
  } catch {}
  throw wrong(path, line, "is no session's file");
}

/** Never over something that is there, never readable by others. */
const created = (path: string): Promise<FileHandle> =>
  open(path, "wx", 0o600).catch((thrown: NodeJS.ErrnoException) => {
    throw new PlinthError("PLINTH_SESSION_FILE", `${path} cannot be written: ${thrown.code === "EEXIST" ? "it is there already" : thrown.code}.`, {
      next: "Name a new file in a folder that is there.",
    });
  });

const store = (run: Run) => run.ctx.use("plinth.session-store").one();

const usage = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });

const wrong = (path: string, line: number, what: string): PlinthError =>
  new PlinthError("PLINTH_SESSION_FILE", `Nothing was imported: line ${line} of ${path} ${what}.`, {
    next: "Take a file that `plinth sessions export` wrote.",
  });
