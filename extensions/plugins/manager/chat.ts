import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Call, type Client, type Context, PlinthError } from "@plinth/sdk";
import { admit, chatName, type Input, type Operation, optionsOn } from "./operation.ts";
import { type Page, Pages } from "./pages.ts";

type Run = Client<"plinth.chat-command">["run"];
type ChatItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

/** `/plugins …`: the operations as people type them in a conversation. */
export async function* runChat(ctx: Context, operations: Operation[], input: Parameters<Run>[0], call: Call): AsyncIterable<ChatItem> {
  const offered = operations.filter(({ only }) => only === undefined);
  const pages = new Pages(ctx);
  const { operation, words } = find(offered, splitWords(input.args));
  if (!operation) {
    const isMore = words[0] === MORE.name;
    yield* itemsOf(isMore ? await pages.next(admit(MORE, call, "chat", input.sessionKey)) : { text: helpText(offered) });
    return;
  }
  const requester = admit(operation, call, "chat", input.sessionKey);
  const { home } = await ctx.use("plinth.host").one().status({});
  const job = { input: parseWords(operation, words), requester, cwd: join(home, "workspace"), signal: call.signal };
  const steps = operation.run(job);
  let step = await steps.next();
  try {
    for (; !step.done; step = await steps.next()) yield { progress: step.value };
  } finally {
    if (!step.done) await steps.return(undefined);
  }
  yield* itemsOf(await pages.first(operation.report(step.value, job), requester));
}

function* itemsOf({ text, suggest }: Page): Generator<ChatItem> {
  yield { text };
  if (suggest) yield { suggest };
}

/** Of conversations only: the next page of the last long answer. */
export const MORE = { name: "more", summary: "Show the next page of a long answer", access: "anyone" } as const;

/** The operation that the first words name, and the words after them; none for help and for more. */
function find(operations: Operation[], words: string[]): { operation?: Operation; words: string[] } {
  const [first = "help", second] = words.map((word) => word.toLowerCase());
  if (first === "help" || first === MORE.name) return { words: [first] };
  const alone = operations.find(({ group, name }) => group === undefined && name === first);
  if (alone) return { operation: alone, words: words.slice(1) };
  const group = operations.filter((one) => one.group === first);
  // The group's name alone lists it.
  const named = group.find(({ name }) => name === (second ?? "list"));
  if (named) return { operation: named, words: words.slice(2) };
  const [asked, known] = group.length > 0 ? [`${first} ${second}`, group] : [first, operations];
  throw new PlinthError("PLINTH_USAGE", `/plugins has no command ${JSON.stringify(asked.slice(0, 60))}.`, {
    next: `Use one of: ${known.map(chatName).join(", ")}.`,
  });
}

function helpText(operations: Operation[]): string {
  const lines = operations.map((one) => `- \`${usage(one)}\`: ${one.summary}${one.access === "owner" ? " (owner)" : ""}`);
  return `**Extensions**\n\n${lines.join("\n")}\n\nFor example: \`/plugins search weather\`, then \`/plugins install demo.weather\``;
}

/** Such as `/plugins uninstall ID [--keep-data]`. */
export function usage(operation: Operation): string {
  const args = (operation.args ?? []).map(({ name, required }) => (required ? name.toUpperCase() : `[${name.toUpperCase()}]`));
  const options = optionsOn(operation, "chat").map(([name, { value }]) => `[--${name}${value ? ` ${value}` : ""}]`);
  return ["/plugins", chatName(operation), ...args, ...options].join(" ");
}

function parseWords(operation: Operation, words: string[]): Input {
  const wrong = (message: string) => new PlinthError("PLINTH_USAGE", message, { next: `Type it like this: ${usage(operation)}` });
  const options = Object.fromEntries(optionsOn(operation, "chat").map(([name, { type }]) => [name, { type }]));
  let parsed: { values: { [name: string]: unknown }; positionals: string[] };
  try {
    parsed = parseArgs({ args: words, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw wrong((error as Error).message);
  }
  const input: Record<string, string | boolean> = { ...(parsed.values as Record<string, string | boolean>) };
  const given = parsed.positionals;
  for (const { name, required, variadic } of operation.args ?? []) {
    const value = variadic ? given.splice(0).join(" ") : given.shift();
    if (value) input[name] = value;
    else if (required) throw wrong(`/plugins ${chatName(operation)} needs ${name.toUpperCase()}.`);
  }
  if (given.length > 0) throw wrong(`/plugins ${chatName(operation)} does not understand ${JSON.stringify(given[0]?.slice(0, 60))}.`);
  return input;
}

/** Words as a shell splits them, with quotes but nothing else special. */
function splitWords(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? "");
}
