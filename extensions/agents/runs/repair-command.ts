import {
  type Call,
  type Context,
  type MessageRepair,
  type ModelMessage,
  PlinthError,
  type Provider,
  type TranscriptEntry,
  visible,
} from "@plinth/sdk";
import { type RepairBody, type RepairCode, repairsIn } from "./mended.ts";
import { modelHistory } from "./model-history.ts";
import { assertOwner } from "./own-commands.ts";
import type { SessionChoices } from "./session-choices.ts";

type Run = Provider<"plinth.chat-command">["run"];

const SHOWN = 20;
const MOST_WORDS = 60;
/** What is wrong with a message for every model; the rest is the form that one of them wants. */
const LASTING: readonly string[] = ["text", "empty"] satisfies RepairCode[];
const USAGE =
  "`/repair` shows what is changed, `/repair apply` keeps that, `/repair without` shows numbers and `/repair without NUMBER` leaves a message out, `/repair undo` takes the last back.";

interface Shown {
  readonly entries: readonly TranscriptEntry[];
  readonly messages: readonly ModelMessage[];
  /** Of the messages' entries. */
  readonly ids: readonly (string | undefined)[];
  readonly head: string | undefined;
}

/**
 * `/repair`: what of this conversation is changed on its way to its model, because the model's server would refuse it as it is.
 * `apply` and `without` add an entry that says how models are shown earlier ones; the transcript keeps what was said.
 */
export function repairCommand(ctx: Context, choices: SessionChoices, limits: { historyLimit: number; historyChars: number }): Run {
  const store = ctx.use("plinth.session-store").one();

  const shown = async (key: string): Promise<Shown> => {
    const { entries } = await store.history({ key, limit: limits.historyLimit, opaque: true });
    return { ...modelHistory(entries, limits.historyChars), entries, head: entries.at(-1)?.id };
  };
  const asked = async (sessionKey: string, messages: readonly ModelMessage[], { signal }: Call) => {
    const [chosen, route] = await Promise.all([choices.of(sessionKey), ctx.use("plinth.router").one().route({ surface: "command", sessionKey })]);
    const model = chosen.model ?? route.model;
    return ctx
      .use("plinth.models")
      .one()
      .repairs({ model, messages: [...messages], sessionKey }, { signal });
  };
  const keep = async (key: string, { head }: Shown, body: RepairBody): Promise<void> => {
    await store.append({ key, bodies: [body], ...(head === undefined ? {} : { expectedHead: head }) });
  };

  return async function* repair({ args, sessionKey }, call) {
    if (call.work !== undefined) assertOwner(call);
    const [word = "", number, ...rest] = args.trim().split(/\s+/);
    if (rest.length > 0 || !["", "apply", "without", "undo"].includes(word) || (number !== undefined && word !== "without"))
      return yield { text: USAGE };
    if (word !== "") assertOwnWord(call);
    const found = await shown(sessionKey);
    if (word === "undo") return yield { text: await undone(found, (body) => keep(sessionKey, found, body)) };
    if (found.messages.length === 0) return yield { text: "Nothing was said here yet." };
    if (word === "without" && number === undefined) return yield { text: numbered(found) };
    if (word === "without") return yield { text: await without(found, Number(number), (body) => keep(sessionKey, found, body)) };
    const { name, repairs } = await asked(sessionKey, found.messages, call);
    if (word === "") return yield { text: told(name, found.messages, repairs) };
    yield { text: await applied(name, found, repairs, (body) => keep(sessionKey, found, body)) };
  };
}

/** What a third party's extension had a hand in changes no conversation of the owner's. */
function assertOwnWord({ work }: Call): void {
  if (work === undefined || work.influences.length === 0) return;
  throw new PlinthError("PLINTH_PERMISSION", "A conversation is repaired by its owner's own word.", {
    extension: "plinth.runs",
    next: "Type it yourself: /repair apply",
  });
}

async function applied(name: string, { messages, ids }: Shown, repairs: readonly MessageRepair[], keep: (body: RepairBody) => Promise<void>) {
  const lasting = repairs.flatMap(({ code, message, said }) => {
    const entry = message === undefined ? undefined : ids[message];
    return entry !== undefined && LASTING.includes(code) ? [{ entry, code: code as RepairCode, message, said }] : [];
  });
  if (lasting.length === 0)
    return repairs.length === 0
      ? told(name, messages, repairs)
      : `What is changed on the way to ${quoted(name)} is the form that it wants, and is done for each request anew: nothing of it can be kept. \`/repair without NUMBER\` leaves a message out.`;
  await keep({ kind: "repair", entries: lasting.map(({ entry, code }) => ({ entry, code })) });
  return kept(lasting.map(({ message, said }) => `- ${whereIs(messages, message)}${visible(said, { max: 500 })}`));
}

async function without({ messages, ids }: Shown, number: number, keep: (body: RepairBody) => Promise<void>): Promise<string> {
  const at = Number.isInteger(number) ? number - 1 : -1;
  const entry = ids[at];
  if (messages[at] === undefined)
    return `Models are shown ${messages.length === 1 ? "one message" : `messages 1 to ${messages.length}`} of this conversation. ${USAGE}`;
  if (entry === undefined) return "That one stands for others, and is nobody's message.";
  await keep({ kind: "repair", entries: [{ entry, code: "left-out" }] });
  return kept([`- ${whereIs(messages, at)}It is left out, and with it the results of its calls.`]);
}

function numbered({ messages }: Shown): string {
  const lines = messages.map(({ content }, at) => `- ${whereIs(messages, at)}${content.map(({ type }) => type).join(", ")}`).slice(-SHOWN);
  const of = messages.length > SHOWN ? ` the newest ${SHOWN} of ${messages.length} messages` : " these messages";
  return [`Models are shown${of}:`, "", ...lines, "", "`/repair without NUMBER` leaves one of them out."].join("\n");
}

async function undone({ entries }: Shown, keep: (body: RepairBody) => Promise<void>): Promise<string> {
  const last = repairsIn(entries).at(-1);
  if (last === undefined) return "No repair holds here.";
  await keep({ kind: "repair", entries: [], undoes: last.id });
  const count = last.body.entries.length;
  return `The last repair is taken back: from the next message on, models are shown ${count === 1 ? "its message" : `its ${count} messages`} as before.`;
}

function kept(lines: readonly string[]): string {
  const rest = lines.length - SHOWN;
  return [
    "From the next message on, models are shown this conversation so:",
    "",
    ...lines.slice(0, SHOWN),
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    "",
    "The transcript keeps what was said. `/repair undo` takes this back.",
  ].join("\n");
}

function told(name: string, messages: readonly ModelMessage[], repairs: readonly MessageRepair[]): string {
  const count = messages.length === 1 ? "The message" : `The ${messages.length} messages`;
  if (repairs.length === 0) return `${count} of this conversation can be sent to ${quoted(name)} as they are.`;
  const lines = repairs.slice(0, SHOWN).map(({ message, said }) => `- ${whereIs(messages, message)}${visible(said, { max: 500 })}`);
  const rest = repairs.length - lines.length;
  const keeps = repairs.some(({ code }) => LASTING.includes(code)) ? " `/repair apply` keeps what can be kept of it;" : "";
  return [
    `On the way to ${quoted(name)}, ${repairs.length === 1 ? "one thing is" : `${repairs.length} things are`} changed, because its server would refuse this conversation as it is:`,
    "",
    ...lines,
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    "",
    `Nothing is changed in the transcript: this is done for each request anew.${keeps} \`/new\` starts afresh.`,
  ].join("\n");
}

const quoted = (name: string): string => `\`${visible(name, { max: 200 })}\``;

function whereIs(messages: readonly ModelMessage[], at: number | undefined): string {
  const message = at === undefined ? undefined : messages[at];
  if (at === undefined || message === undefined) return "";
  const first = message.content.find((part) => part.type === "text");
  const words = first?.type === "text" && first.text.trim() !== "" ? ` “${visible(first.text, { max: MOST_WORDS })}”` : "";
  return `Message ${at + 1} (${message.role}${words}): `;
}
