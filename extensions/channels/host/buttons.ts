import { type Address, type Context, errorInfo, type InboundItem, type InteractionRequest, type OutboundMessage, visible } from "@plinth/sdk";
import type { Standing } from "@plinth/sdk/kits/channel";
import type { Provider } from "./provider.ts";

type Press = Extract<InboundItem, { kind: "button" }>;

/** Enough of a digest to tell what was shown from what is asked. */
const DIGEST_CHARS = 24;
const MARK = "plinth.";

/** What a conversation is told when the owner is asked: the owner sees what and can answer there; others see that it waits. */
export function askedMessage(provider: Provider, to: Address, standing: Standing, request: InteractionRequest): OutboundMessage {
  const key = `ask:${request.id}:${request.digest.slice(0, DIGEST_CHARS)}`;
  const say = (text: string): OutboundMessage => ({ to, content: [{ type: "text", text }], key, runId: request.runId });
  if (standing !== "owner" || to.peer.kind !== "person") return say("This waits for the owner's approval.");
  // Whoever carries a press could make one up: what a third party carries is no answer.
  if (!provider.trusted)
    return say(`This waits for your approval: ${plain(request.title)}. Answer on the page, or with \`plinth approvals answer ${request.id} once\`.`);
  const what = `${plain(request.title)}\n\n${fenced(JSON.stringify(request.action.args, null, 2))}\n\n${plain(request.why)}`;
  const options = request.options.map(({ id, label, style }) => ({
    ...{ id: MARK + id, label, style },
    value: `${request.id}:${request.digest.slice(0, DIGEST_CHARS)}`,
  }));
  if (provider.descriptor.can?.includes("buttons") === true) return { ...say(what), buttons: [options] };
  const ways = request.options.map(({ id }) => (id === "deny" ? `\`/deny ${request.id}\`` : `\`/approve ${request.id} ${id}\``));
  return say(`${what}\n\nAnswer with ${ways.join(", ")}.`);
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
    const { answer } = await interaction.answer({ id, option: action.slice(MARK.length), digest: request.digest });
    return answer.answer === "chosen" ? `Allowed: ${plain(request.title)}` : `Denied: ${plain(request.title)}`;
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
