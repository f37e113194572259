import type { Manifest } from "@plinth/manifests";
import { roomFor } from "@plinth/manifests/strangers/rooms.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Release } from "../solve/release.ts";
import type { Offer, SetAnswer, SetQuestion } from "./solve-task.ts";

type Question = Omit<SetQuestion, "offers">;
type Chosen = Extract<SetAnswer, { chosen: unknown }>["chosen"];

/** Extensions that a set may lead to besides those that are here: each of them is asked for over the network. */
const MAX_ASKED = 500;
/** Of all rounds together, and of all indexes: the thread keeps no more of them, and would read them anew each time. */
const MAX_STEPS = 20_000_000;
const MAX_INDEX_BYTES = 48 * 1_048_576;

/**
 * Choose the versions of a whole set in the thread for strangers' data.
 *
 * @param offerOf the versions of one extension that could be had; null: nobody knows it. Asked once for each.
 * @param isHere whether an extension is here already or was asked for.
 * @throws PLINTH_VERSION_CONFLICT, PLINTH_DEPENDENCY_MISSING, PLINTH_DATA_*, and those of `offerOf`.
 */
export async function solveSet(
  question: Question,
  offerOf: (id: string) => Promise<Offer | null>,
  { isHere, signal }: { isHere: (id: string) => boolean; signal?: AbortSignal },
): Promise<Chosen> {
  const offers = new Map<string, Offer | null>();
  let [asked, steps, bytes] = [0, 0, 0];
  for (;;) {
    const whose = [...offers].flatMap(([id, offer]) => (offer?.index === undefined ? [] : [id]));
    const names = whose.length > 4 ? `${whose.slice(0, 4).join(", ")} and ${whose.length - 4} more` : whose.join(", ");
    const about = `Choosing among the versions of ${names || question.wanted[0]?.id}`;
    const answer = await roomFor("packages").run<SetAnswer>({ task: "solve", input: { ...question, offers }, owner: "solver", about, signal });
    if ("chosen" in answer) return answer.chosen;
    steps += answer.steps;
    for (const id of answer.need) {
      if (!isHere(id) && ++asked > MAX_ASKED) throw tooMuch(question, `leads to more than ${MAX_ASKED} others, such as ${id.slice(0, 102)}`);
      const offer = await offerOf(id);
      bytes += offer?.index?.length ?? 0;
      if (bytes > MAX_INDEX_BYTES)
        throw tooMuch(question, `has indexes of more than ${MAX_INDEX_BYTES / 1_048_576} MiB, the last one of ${id.slice(0, 102)}`);
      if (steps > MAX_STEPS) throw tooMuch(question, `cannot be chosen from in bounded time; the last ones looked at were those of ${names}`);
      offers.set(id, offer);
    }
  }
}

/** What a choice depends on: the rest of a manifest stays where it is. */
export function leanRelease({ version, engines, extensions, uses, provides, defines }: Manifest): Release {
  return {
    version,
    manifest: {
      engines,
      ...(extensions === undefined ? {} : { extensions }),
      ...(uses === undefined ? {} : { uses: uses.map(({ contract, range, optional }) => ({ contract, range, ...(optional ? { optional } : {}) })) }),
      ...(provides === undefined
        ? {}
        : { provides: provides.map(({ contract, version: one, id }) => ({ contract, version: one, id, descriptor: {} })) }),
      ...(defines === undefined
        ? {}
        : { defines: defines.map(({ id, version: one }) => ({ id, version: one })) as NonNullable<Manifest["defines"]> }),
    },
  };
}

function tooMuch({ wanted }: Question, why: string): PlinthError {
  const asked = wanted.map((one) => one.id).slice(0, 4);
  return new PlinthError("PLINTH_VERSION_CONFLICT", `What ${asked.join(", ")} would bring along ${why}.`, {
    next: "Do not install it; tell its publisher.",
  });
}
