import { watch } from "node:fs";
import { createInterface } from "node:readline";
import { type Author, type CommandInput, pathOf, type TerminalItem, word } from "../command.ts";
import { Items } from "../items.ts";
import { sdkOf } from "../pack.ts";
import { type Paint, painter } from "../style.ts";
import { type DevEvent, DevSession } from "./session.ts";
import { shown } from "./show.ts";

const QUIET_MS = 25;
/** What changes without the extension being another one. */
const IGNORED = /(^|\/)(node_modules|\.git|\.plinth|dist|test)(\/|$)|\.(tgz|log)$|~$|\.sw[a-p]$/;
const HELP = `  NAME JSON          call something that it provides; NAME.METHOD for another method than the usual one
  say TEXT           run a whole turn, as somebody would in the chat
  /COMMAND …         the same, for chat commands
  reload             build and load again
  exit               leave (so does Ctrl-C)

A call may take as long as its contract says, a tool's ten minutes; code that never pauses is ended after 2 s in an isolate.
`;

/** `plinth dev [DIR]`: an extension in a live host of its own, loaded again on each change, until somebody leaves. */
export async function* dev(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const project = pathOf(input, word(input.args, "dir"));
  const once = word(input.options, "call");
  const home = word(input.options, "home");
  const items = new Items<TerminalItem>();
  const paint = painter(input);
  const tell = (event: DevEvent): void => items.push(input.terminal.json ? { result: event } : { out: shown(event, paint) });
  const session = await DevSession.start(
    project,
    { bin: author.product.bin(), sdk: sdkOf(author.product.sdk()), ...(home === undefined ? {} : { home: pathOf(input, home) }) },
    tell,
  );
  const left = leaving(signal);
  const until: (() => void)[] = [left.release];
  try {
    const working = (async () => {
      const loaded = await session.load();
      if (once !== undefined) {
        if (!loaded || !(await session.call(once, word(input.options, "input")))) items.push({ exit: 1 });
        return;
      }
      if (!input.terminal.json) items.push({ out: help(paint) });
      until.push(onChange(project, () => void session.load()));
      await Promise.race([left.asked, prompt(session, items, until)]);
    })();
    void Promise.race([working, left.asked])
      .catch((error) => items.push({ err: `${String(error)}\n` }))
      .finally(() => items.end());
    yield* items;
  } finally {
    for (const undo of until) undo();
    await session.stop();
  }
}

const help = (paint: Paint): string => paint("dim", `Watching for changes. Type \`help\` for what can be asked of it, Ctrl-C to leave.\n`);

/** The person at the terminal leaves, or whoever runs this ends it. */
function leaving(signal: AbortSignal): { asked: Promise<void>; release(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const leave = (): void => resolve();
  for (const name of names) process.on(name, leave);
  signal.addEventListener("abort", leave);
  return {
    asked: promise,
    release() {
      for (const name of names) process.off(name, leave);
      signal.removeEventListener("abort", leave);
    },
  };
}

/** Changes come in bursts: one load follows each. */
function onChange(project: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(project, { recursive: true }, (_, name) => {
    if (name === null || IGNORED.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  });
  watcher.on("error", () => {});
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** Lines from whoever started it, one after the other. Without a terminal it goes on when there is nothing more to read. */
function prompt(session: DevSession, items: Items<TerminalItem>, until: (() => void)[]): Promise<void> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  until.push(() => {
    lines.close();
    process.stdin.unref?.();
  });
  let last: Promise<unknown> = Promise.resolve();
  let asked = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  lines.on("line", (typed) => {
    const line = typed.trim();
    if (line === "") return;
    asked++;
    last = last.then(async () => {
      const [, first = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
      if (line === "exit" || line === "quit") resolve();
      else if (line === "help") items.push({ out: HELP });
      else if (line === "reload") await session.load(true);
      else if (line.startsWith("/")) await session.say(line);
      else if (first === "say" && rest !== "") await session.say(rest);
      else await session.call(first, rest);
    });
  });
  lines.on("close", () => {
    if (asked > 0 && !process.stdin.isTTY) void last.then(() => resolve());
  });
  return promise;
}
