import { type Client, type Context, type ModelChoice, type ModelInfo, PlinthError, type Provider, visible } from "@plinth/sdk";
import { meant, type Offer, offers } from "./model-names.ts";
import { assertOwner } from "./own-commands.ts";
import type { Choice, SessionChoices } from "./session-choices.ts";
import { LEVELS, levelNamed, levelsOf, nearest } from "./think-levels.ts";

type Run = Provider<"plinth.chat-command">["run"];

const LISTED = 8;
const LISTED_OF_ONE = 60;
/** Models change, and so does what is known of them; a name of more is none. */
const MAX_NAME = 512;

/** `/model` and `/think`: which model answers in a conversation, and how much it thinks. They hold from the next message on. */
export function modelCommands(ctx: Context, choices: SessionChoices): Record<"model" | "think", Run> {
  const models = ctx.use("plinth.models").one();
  const agents = async (sessionKey: string): Promise<string> =>
    (await ctx.use("plinth.router").one().route({ surface: "command", sessionKey })).model;
  const now = async (sessionKey: string, signal: AbortSignal): Promise<{ chosen: Choice; name: string; choice: ModelChoice }> => {
    const chosen = await choices.of(sessionKey);
    const name = chosen.model ?? (await agents(sessionKey));
    return { chosen, name, choice: (await models.choose({ model: name, fallbacks: [] }, { signal })).choices[0] as ModelChoice };
  };

  return {
    async *model({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const { signal } = call;
      const [said, more, ...rest] = args.split(/\s+/).filter((word) => word !== "");
      if (said === "list" && rest.length === 0) return yield { text: await list(models, more, signal) };
      const anyway = more === "anyway";
      if ((more !== undefined && !anyway) || rest.length > 0 || (said?.length ?? 0) > MAX_NAME)
        throw usage("/model [NAME|auto|default|list [PROVIDER]]");
      if (said === undefined) {
        const { chosen, name, choice } = await now(sessionKey, signal);
        const whose = chosen.model === undefined ? "as the agent has it" : "chosen for this conversation";
        return yield {
          text: [
            `- Model: ${wordsOn(choice, name)} (${whose})`,
            `- Thinking: ${thinkingWords(chosen, choice.info)}`,
            "",
            "`/model NAME` chooses another, `/model list` shows which.",
          ].join("\n"),
        };
      }
      if (said === "default") {
        await choices.set(sessionKey, { model: null });
        const { name, choice } = await now(sessionKey, signal);
        return yield { text: `The agent's own model answers here: ${wordsOn(choice, name)}.${await refit(choices, sessionKey, choice)}` };
      }
      const { name, choice } = await meant(models, said, anyway, signal);
      await choices.set(sessionKey, { model: name });
      yield { text: `This model answers here from the next message on: ${wordsOn(choice, name)}.${await refit(choices, sessionKey, choice)}` };
    },

    async *think({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const words = args.split(/\s+/).filter((word) => word !== "");
      if (words.length > 1) throw usage("/think [off|minimal|low|medium|high|xhigh|max|default]");
      const { chosen, choice } = await now(sessionKey, call.signal);
      const levels = levelsOf(choice.info);
      const which =
        levels === undefined
          ? `Which levels \`${visible(choice.name, { max: 200 })}\` takes is not known.`
          : `\`${visible(choice.name, { max: 200 })}\` takes ${levelList(levels)}.`;
      const [said] = words;
      if (said === undefined) return yield { text: `Thinking: ${thinkingWords(chosen, choice.info)}. ${which}` };
      if (said.toLowerCase() === "default") {
        await choices.set(sessionKey, { thinking: null });
        return yield { text: "How much is thought here is the model's own again." };
      }
      const level = levelNamed(said);
      if (!(levels ?? (LEVELS as readonly string[])).includes(level)) {
        throw new PlinthError("PLINTH_USAGE", `\`${visible(said, { max: 40 })}\` is no level of thinking here.`, {
          next: levels === undefined ? `Choose one of ${levelList(LEVELS)}.` : which,
        });
      }
      await choices.set(sessionKey, { thinking: level });
      const unsure = levels === undefined ? ` ${which} What it cannot do is left out, and the turn says so.` : "";
      yield { text: `Thinking is \`${level}\` here from the next message on.${unsure}` };
    },
  };
}

/** A level that the new model does not have becomes the nearest one that it has. */
async function refit(choices: SessionChoices, sessionKey: string, { info }: ModelChoice): Promise<string> {
  const { thinking } = await choices.of(sessionKey);
  const levels = levelsOf(info);
  if (thinking === undefined || levels === undefined || levels.includes(thinking)) return "";
  const level = nearest(thinking, levels) ?? null;
  await choices.set(sessionKey, { thinking: level });
  return level === null ? " How much it thinks is its own." : ` It does not know thinking \`${thinking}\`: \`${level}\` is next to it.`;
}

async function list(models: Client<"plinth.models">, provider: string | undefined, signal: AbortSignal): Promise<string> {
  const all = await offers(models, signal);
  const wanted = provider === undefined ? all : all.filter(({ source }) => source.id === provider);
  if (wanted.length === 0)
    throw new PlinthError(
      "PLINTH_CAPABILITY_MISSING",
      provider === undefined ? "No provider of models is set up." : `No provider \`${visible(provider, { max: 100 })}\` is set up.`,
      {
        next: all.length === 0 ? "Set one up: `plinth init`." : `Those that are: ${all.map(({ source }) => `\`${source.id}\``).join(", ")}.`,
      },
    );
  return wanted.map((offer) => offered(offer, provider === undefined ? LISTED : LISTED_OF_ONE)).join("\n\n");
}

function offered({ source, ready, reason, models }: Offer, most: number): string {
  const title = `**${visible(source.title, { max: 100 })}**${ready ? "" : ` cannot answer now: ${visible(reason ?? "it is not set up", { max: 300 })}`}`;
  // In a list the name alone says that no more is known.
  const lines = models.slice(0, most).map((info) => `- ${factsIn(`${source.id}/${info.id}`, info)}`);
  const rest = models.length - lines.length;
  return [title, ...lines, ...(rest > 0 ? [`- ${rest} more${most === LISTED ? `: \`/model list ${source.id}\`` : ""}`] : [])].join("\n");
}

/** A model with what one would want to know before it answers; `auto` and aliases with whom they mean now. */
function wordsOn({ name, info }: ModelChoice, asked: string): string {
  return asked === name ? facts(name, info) : `\`${visible(asked, { max: 200 })}\`, now ${facts(name, info)}`;
}

function facts(name: string, info: Partial<ModelInfo> = {}): string {
  const { contextTokens, price } = info;
  if (isBare(info)) return `\`${visible(name, { max: 200 })}\`, whose context and price are not known`;
  const context = contextTokens === undefined ? "its context is not known" : `reads up to ${short(contextTokens)} tokens`;
  return `\`${visible(name, { max: 200 })}\`: ${context}, ${costs(price)}`;
}

const isBare = ({ contextTokens, price }: Partial<ModelInfo>): boolean =>
  contextTokens === undefined && price?.input === undefined && price?.output === undefined;

const factsIn = (name: string, info: Partial<ModelInfo>): string => (isBare(info) ? `\`${visible(name, { max: 200 })}\`` : facts(name, info));

function costs({ input, output }: NonNullable<ModelInfo["price"]> = {}): string {
  if (input === undefined && output === undefined) return "its price is not known";
  const each = (price: number | undefined) => (price === undefined ? "an unknown price" : `$${price}`);
  return `${each(input)} in and ${each(output)} out for a million`;
}

function thinkingWords({ thinking }: Choice, info: ModelInfo | undefined): string {
  if (thinking !== undefined) return `\`${thinking}\`, chosen for this conversation`;
  return info?.thinking?.always === true ? "the model's own; it always thinks" : "the model's own";
}

const levelList = (levels: readonly string[]): string => levels.map((level) => `\`${visible(level, { max: 40 })}\``).join(", ");

const short = (tokens: number): string =>
  tokens >= 1_000_000 ? `${Math.round(tokens / 100_000) / 10}M` : tokens >= 1_000 ? `${Math.round(tokens / 1_000)}k` : String(tokens);

const usage = (how: string): PlinthError =>
  new PlinthError("PLINTH_USAGE", `Type \`${how}\`.`, { next: "`/help model` and `/help think` say more." });
