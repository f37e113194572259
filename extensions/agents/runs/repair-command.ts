import { type Context, type MessageRepair, type ModelMessage, type Provider, visible } from "@plinth/sdk";
import { assertOwner } from "./own-commands.ts";
import type { SessionChoices } from "./session-choices.ts";

type Run = Provider<"plinth.chat-command">["run"];

const SHOWN = 20;
const MOST_WORDS = 60;

/**
 * `/repair`: what of this conversation is changed on its way to its model, because the model's server would refuse it as it is. It
 * shows, and changes nothing: the transcript keeps what was said, and each request is made fit anew.
 */
export function repairCommand(ctx: Context, choices: SessionChoices, historyLimit: number): Run {
  return async function* repair({ sessionKey }, call) {
    if (call.work !== undefined) assertOwner(call);
    const { signal } = call;
    const [chosen, route, { entries }] = await Promise.all([
      choices.of(sessionKey),
      ctx.use("plinth.router").one().route({ surface: "command", sessionKey }),
      ctx.use("plinth.session-store").one().history({ key: sessionKey, limit: historyLimit, opaque: true }),
    ]);
    const messages = entries.flatMap(({ body }) => (body.kind === "message" ? [body.message] : []));
    if (messages.length === 0) return yield { text: "Nothing was said here yet." };
    const asked = { model: chosen.model ?? route.model, messages, sessionKey };
    const { name, repairs } = await ctx.use("plinth.models").one().repairs(asked, { signal });
    yield { text: told(name, messages, repairs) };
  };
}

function told(name: string, messages: readonly ModelMessage[], repairs: readonly MessageRepair[]): string {
  const model = `\`${visible(name, { max: 200 })}\``;
  const count = messages.length === 1 ? "The message" : `The ${messages.length} messages`;
  if (repairs.length === 0) return `${count} of this conversation can be sent to ${model} as they are.`;
  const lines = repairs.slice(0, SHOWN).map(({ message, said }) => `- ${whereIs(messages, message)}${visible(said, { max: 500 })}`);
  const rest = repairs.length - lines.length;
  return [
    `On the way to ${model}, ${repairs.length === 1 ? "one thing is" : `${repairs.length} things are`} changed, because its server would refuse this conversation as it is:`,
    "",
    ...lines,
    ...(rest > 0 ? [`- and ${rest} more`] : []),
    "",
    "Nothing is changed in the transcript: this is done for each request anew. `/new` starts afresh.",
  ].join("\n");
}

function whereIs(messages: readonly ModelMessage[], at: number | undefined): string {
  const message = at === undefined ? undefined : messages[at];
  if (at === undefined || message === undefined) return "";
  const first = message.content.find((part) => part.type === "text");
  const words = first?.type === "text" && first.text.trim() !== "" ? ` “${visible(first.text, { max: MOST_WORDS })}”` : "";
  return `Message ${at + 1} (${message.role}${words}): `;
}
