import { type Client, errorInfo, type ModelChoice, type ModelInfo, type ModelSource, nearNames, PlinthError, visible } from "@plinth/sdk";

type Models = Pick<Client<"plinth.models">, "sources" | "status" | "models" | "choose">;

/** One provider that somebody set up, with what it has. */
export interface Offer {
  readonly source: ModelSource;
  readonly ready: boolean;
  readonly reason: string | undefined;
  readonly models: readonly ModelInfo[];
}

/** A server that does not answer by then is left out. */
const LIST_MS = 4_000;
const NEAR = 4;

/** All providers that somebody set up, in the order of the automatic choice. */
export async function offers(models: Models, signal: AbortSignal): Promise<Offer[]> {
  const { sources } = await models.sources({}, { signal });
  const all = await Promise.all(sources.map((source) => offerOf(models, source, signal)));
  return all.filter((offer) => offer !== undefined);
}

/** @returns undefined where nobody set it up. */
async function offerOf(models: Models, source: ModelSource, signal: AbortSignal, wanted = false): Promise<Offer | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(LIST_MS)]);
  try {
    const { ready, configured, reason } = await models.status({ provider: source.id }, { signal: within });
    if (!ready && !configured && !wanted) return undefined;
    const listed = await models.models({ provider: source.id }, { signal: within }).catch(() => ({ models: [] }));
    return { source, ready, reason, models: listed.models };
  } catch (error) {
    signal.throwIfAborted();
    return wanted ? { source, ready: false, reason: errorInfo(error).message, models: [] } : undefined;
  }
}

/**
 * The model that somebody means by a name: an alias, `auto`, `provider/auto`, `provider/model`, or a model's name alone where only
 * one provider has it.
 *
 * @param anyway also one that its provider does not list, or that cannot answer now.
 * @throws PLINTH_MODEL_UNKNOWN with names that are near; PLINTH_MODEL_NOT_READY
 */
export async function meant(models: Models, said: string, anyway: boolean, signal: AbortSignal): Promise<{ name: string; choice: ModelChoice }> {
  const { sources } = await models.sources({}, { signal });
  const source = sources.find(({ id }) => said.startsWith(`${id}/`));
  const name = source === undefined && !(await isKnown(models, said, signal)) ? await byItself(models, said, signal) : said;
  const { choices } = await models.choose({ model: name, fallbacks: [] }, { signal });
  const choice = choices[0] as ModelChoice;
  if (!anyway) await checked(models, name, choice, sources, signal);
  return { name, choice };
}

async function isKnown(models: Models, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await models.choose({ model: name, fallbacks: [] }, { signal });
    return true;
  } catch (error) {
    if (errorInfo(error).code !== "PLINTH_MODEL_UNKNOWN") throw error;
    return false;
  }
}

/** A name without its provider. */
async function byItself(models: Models, said: string, signal: AbortSignal): Promise<string> {
  const all = (await offers(models, signal)).flatMap(({ source, models: own }) => own.map((info) => ({ name: `${source.id}/${info.id}`, info })));
  const found = all.filter(({ info }) => info.id === said || info.aliases?.includes(said) === true).map(({ name }) => name);
  if (found.length === 1) return found[0] as string;
  if (found.length > 1) throw unknown(said, `Several have it: ${shown(found)}.`);
  throw unknown(
    said,
    suggestion(
      said,
      all.map(({ name }) => name),
    ),
  );
}

/** A model that its provider does not have, or that cannot answer, is told before the next message fails for it. */
async function checked(models: Models, name: string, choice: ModelChoice, sources: readonly ModelSource[], signal: AbortSignal): Promise<void> {
  const source = sources.find(({ id }) => id === choice.provider);
  if (source === undefined || name === "auto") return;
  const offer = (await offerOf(models, source, signal, true)) as Offer;
  const has = offer.models.length === 0 || offer.models.some(({ id, aliases }) => id === choice.model || aliases?.includes(choice.model) === true);
  if (!has && choice.info === undefined) {
    const near = suggestion(
      choice.name,
      offer.models.map(({ id }) => `${source.id}/${id}`),
    );
    throw unknown(choice.name, `${near} If you know better: \`/model ${visible(name, { max: 200 })} anyway\`.`);
  }
  if (offer.ready) return;
  throw new PlinthError(
    "PLINTH_MODEL_NOT_READY",
    `${visible(source.title, { max: 100 })} cannot answer now: ${visible(offer.reason ?? "it is not set up", { max: 300 }).replace(/\.$/, "")}.`,
    {
      next: `Set it up with \`plinth init\`, or choose it all the same: \`/model ${visible(name, { max: 200 })} anyway\`.`,
    },
  );
}

function suggestion(said: string, names: readonly string[]): string {
  const tail = said.slice(said.indexOf("/") + 1).toLowerCase();
  const holding = names.filter((name) => tail.length >= 3 && name.toLowerCase().includes(tail));
  const near = [...new Set([...holding, ...nearNames(said, names, NEAR)])].slice(0, NEAR);
  // Names are mostly asked for without their provider.
  const byTail =
    near.length > 0
      ? near
      : nearNames(
          tail,
          names.map((name) => name.slice(name.indexOf("/") + 1)),
          NEAR,
        )
          .flatMap((one) => names.filter((name) => name.endsWith(`/${one}`)))
          .slice(0, NEAR);
  return byTail.length > 0 ? `Did you mean ${shown(byTail)}?` : "`/model list` shows those there are.";
}

const shown = (names: readonly string[]): string =>
  names
    .slice(0, 12)
    .map((name) => `\`${visible(name, { max: 200 })}\``)
    .join(" or ");

const unknown = (said: string, next: string): PlinthError =>
  new PlinthError("PLINTH_MODEL_UNKNOWN", `There is no model \`${visible(said, { max: 200 })}\`.`, { next });
