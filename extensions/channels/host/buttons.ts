import {
  type Address,
  type Context,
  errorInfo,
  type InboundItem,
  type InteractionApproval,
  type InteractionQuestion,
  type InteractionRequest,
  type OutboundMessage,
  visible,
} from "@plinth/sdk";
import type { Standing } from "@plinth/sdk/kits/channel";
import type { Provider } from "./provider.ts";

type Press = Extract<InboundItem, { kind: "button" }>;

/** Enough of a digest to tell what was shown from what is asked. */
const DIGEST_CHARS = 24;
const MARK = "plinth.";
/** In one row, where every channel still shows them. */
const MOST_BUTTONS = 5;

/** What a conversation is told when the owner is asked: the owner sees what and can answer there; others see that it waits. */
export function askedMessage(provider: Provider, to: Address, standing: Standing, request: InteractionRequest): OutboundMessage {
  const key = `ask:${request.id}:${request.digest.slice(0, DIGEST_CHARS)}`;
  const say = (text: string): OutboundMessage => ({ to, content: [{ type: "text", text }], key, runId: request.runId });
  const isApproval = request.kind === "approval";
  if (standing !== "owner" || to.peer.kind !== "person") return say(`This waits for the owner's ${isApproval ? "approval" : "answer"}.`);
  // Whoever carries an answer could make one up: what a third party carries is none.
  if (!provider.trusted) {
    const shell = isApproval ? `plinth approvals answer ${request.id} once` : `plinth questions show ${request.id}`;
    return say(`This waits for your ${isApproval ? "approval" : "answer"}: ${plain(request.title)}. Answer on the page, or with \`${shell}\`.`);
  }
  if (request.kind === "secret")
    return say(`${plain(request.from)} asks: ${plain(request.message)}\n\nAnswer on the page: a secret is not typed into a conversation.`);
  const hasButtons = provider.descriptor.can?.includes("buttons") === true && request.options.length > 0 && request.options.length <= MOST_BUTTONS;
  const what = isApproval ? approvalText(request) : questionText(request, !hasButtons);
  // A question's options have ids of others: their place stands for them.
  const options = request.options.map((option, at) => ({
    ...{ id: MARK + (isApproval ? option.id : at), label: option.label, style: option.style },
    value: `${request.id}:${request.digest.slice(0, DIGEST_CHARS)}`,
  }));
  if (hasButtons) return { ...say(what), buttons: [options] };
  return say(`${what}\n\nAnswer with ${waysTo(request)}.`);
}

function approvalText({ title, action, why }: InteractionApproval): string {
  return `${plain(title)}\n\n${fenced(JSON.stringify(action.args, null, 2))}\n\n${plain(why)}`;
}

function questionText({ from, message, url, options, fields }: InteractionQuestion, numbered: boolean): string {
  const lines = [
    `${plain(from)} asks: ${plain(message)}`,
    url === undefined ? "" : plain(url),
    ...(numbered ? options.map(({ label }, at) => `${at + 1}. ${plain(label)}`) : []),
    ...(fields.length > 1
      ? fields.map(({ name, title, type, required }) => `${plain(name)}: ${plain(title)} (${type}${required ? "" : ", optional"})`)
      : []),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function waysTo(request: InteractionRequest): string {
  const { id, options } = request;
  if (request.kind === "approval") return options.map((one) => (one.id === "deny" ? `\`/deny ${id}\`` : `\`/approve ${id} ${one.id}\``)).join(", ");
  if (options.length > 0) return `its number, or \`/deny ${id}\``;
  const [only] = request.fields;
  const reply = request.fields.length === 1 && only !== undefined ? "TEXT" : request.fields.map(({ name }) => `${name}=…`).join(" ");
  return `\`/answer ${id} ${reply}\`, or \`/deny ${id}\``;
}

/** Whether a press answers what an owner was asked. */
export const isAnswer = (item: InboundItem): item is Press => item.kind === "button" && item.action.startsWith(MARK);

/** Give the answer; resolves to what is said of it. To be called as the presser's own work, which decides what it is worth. */
export async function answerPress(ctx: Context, { action, value = "" }: Press): Promise<string> {
  const [id = "", digest = ""] = value.split(":");
  const interaction = ctx.use("plinth.interaction").one();
  try {
    const { requests } = await interaction.pending({});
    const request = requests.find((one) => one.id === id);
    if (request === undefined) return "Nothing waits under this button any more.";
    if (digest.length < DIGEST_CHARS || !request.digest.startsWith(digest))
      return "What was shown to you is not what is asked. Nothing was answered.";
    const said = action.slice(MARK.length);
    const option = request.kind === "approval" ? said : (request.options[Number(said)]?.id ?? "");
    const { answer } = await interaction.answer({ id, option, digest: request.digest });
    const [yes, no] = request.kind === "approval" ? ["Allowed", "Denied"] : ["Answered", "Not answered"];
    return `${answer.answer === "chosen" ? yes : no}: ${plain(request.title)}`;
  } catch (error) {
    const { message, next } = errorInfo(error);
    return `${message}${next === undefined ? "" : ` ${next}`}`;
  }
}

const plain = (text: string): string => visible(text.replaceAll(/\s+/g, " "), { max: 1_000 }).replaceAll(/[*_`~[\]<>|\\]/g, (mark) => `\\${mark}`);

function fenced(text: string): string {
  const longest = Math.max(2, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${visible(text, { layout: true, max: 4_000 })}\n${fence}`;
}
