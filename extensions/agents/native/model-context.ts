import type { Client } from "@plinth/sdk";
import type { LoopInput } from "./loop.ts";

/** A server that does not answer by then is not waited for. */
const WAIT_MS = 4_000;

/** How many tokens a model's context has: as its vendor's data says, or its server. undefined: neither does, or it cannot be asked. */
export async function contextOf(
  models: Pick<Client<"plinth.models">, "choose" | "models">,
  { model, sessionKey }: Pick<LoopInput, "model" | "sessionKey">,
  signal: AbortSignal,
): Promise<number | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]);
  try {
    const { choices } = await models.choose({ model, sessionKey, fallbacks: [] }, { signal: within });
    const [choice] = choices;
    if (choice === undefined || choice.info?.contextTokens !== undefined) return choice?.info?.contextTokens;
    const listed = await models.models({ provider: choice.provider }, { signal: within });
    return listed.models.find(({ id }) => id === choice.model)?.contextTokens;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
