import { type Credential, PlinthError } from "@plinth/sdk";
import { type Again, isNews, outcomeOf, type Proofs, said } from "./proofs.ts";

/** So many credentials are tried for one answer. */
const MOST_TRIES = 8;

interface Rotation {
  /** First to last; undefined: with none. Asked for with the first item. */
  tries(): Promise<readonly (Credential | undefined)[]>;
  /** undefined: for work that was begun earlier, whose model nobody names again. */
  readonly model: string | undefined;
  readonly proofs: Proofs;
  now(): number;
}

/**
 * One answer, asked for with one credential after the other until one is taken. What came of each is told to whoever keeps them;
 * whoever has said something is not asked again. Of a completion, a picture or a vector alike: its last item is `end`.
 */
export async function* rotating<Item extends { readonly type: string }>(
  { tries: all, model, proofs, now }: Rotation,
  ask: (proof: Credential | undefined) => Promise<AsyncIterable<Item>>,
  signal: AbortSignal,
): AsyncGenerator<Item | Again> {
  const tries = (await all()).slice(0, MOST_TRIES);
  for (const [at, proof] of tries.entries()) {
    let spoke = false;
    try {
      for await (const event of await ask(proof)) {
        spoke ||= event.type !== "warning" && event.type !== "usage";
        // Who hears the end may leave with it.
        if (event.type === "end" && proof !== undefined && isNews(proof, now())) await proofs.report(proof.id, model, "ok", undefined);
        yield event;
      }
      return;
    } catch (thrown) {
      const { outcome, next, retryAfterMs } = outcomeOf(thrown);
      if (proof !== undefined && outcome !== undefined) await proofs.report(proof.id, model, outcome, retryAfterMs);
      const other = tries[at + 1];
      if (proof === undefined || other === undefined || !next || spoke || signal.aborted) throw proof === undefined ? thrown : withKey(thrown, proof);
      yield said(proof.id, other.id, thrown);
    }
  }
}

/** Which key it was is not said: the error may reach whoever asked. The owner's list says it. */
function withKey(thrown: unknown, { vendor, kind }: Credential): unknown {
  if (!(thrown instanceof PlinthError) || thrown.code !== "PLINTH_MODEL_AUTH") return thrown;
  const { message, extension, details, next = "" } = thrown;
  const other = kind === "oauth" ? `plinth models auth login ${vendor} signs in anew` : "another goes into the environment or secrets.json";
  return new PlinthError(thrown.code, message, {
    ...(extension === undefined ? {} : { extension }),
    ...(details === undefined ? {} : { details }),
    next: `${next} plinth models auth list ${vendor} shows which one was used; ${other}.`.trim(),
    cause: thrown,
  });
}
