import { type Client, PlinthError } from "@plinth/sdk";
import type { Candidate } from "./house.ts";
import { pairsOf, type Setting } from "./settings.ts";

type Input = Parameters<Client<"plinth.cli-command">["run"]>[0];
type Takes = (candidate: Candidate, name: string) => boolean;

const MOST_BYTES = 65_536;

/** Everything that the command line says. */
export interface Answers {
  provider?: string;
  model?: string;
  talk: readonly string[];
  untested: boolean;
  /** Settings that belong to none of these. */
  unclaimed(candidates: readonly Candidate[], config: Takes, secret: Takes): string[];
  has(candidate: Candidate, config: Takes, secret: Takes): boolean;
  of(candidate: Candidate, config: Takes, secret: Takes): [Setting, string][];
}

/** Read the options, the settings, and the secret's value from standard input, which no list of processes shows. */
export async function readAnswers({ args, options }: Input): Promise<Answers> {
  const word = (name: string): string | undefined => (typeof options[name] === "string" && options[name] !== "" ? options[name] : undefined);
  const pairs = pairsOf([args.settings ?? []].flat());
  const secret = word("secret");
  const value = secret === undefined ? undefined : await fromInput(secret);
  const [provider, model] = [word("provider"), word("model")];
  const of = (candidate: Candidate, takesConfig: Takes, takesSecret: Takes): [Setting, string][] => {
    const { extension } = candidate;
    const found: [Setting, string][] = [];
    for (const [name, text] of pairs) if (takesConfig(candidate, name)) found.push([{ kind: "config", name, extension }, text]);
    if (secret !== undefined && value !== undefined && takesSecret(candidate, secret))
      found.push([{ kind: "secret", name: secret, extension }, value]);
    return found;
  };
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    talk: (word("talk") ?? "").split(",").flatMap((one) => one.trim() || []),
    untested: options.untested === true,
    unclaimed: (candidates, takesConfig, takesSecret) => [
      ...[...pairs.keys()].filter((name) => !candidates.some((one) => takesConfig(one, name))),
      ...(secret === undefined || candidates.some((one) => takesSecret(one, secret)) ? [] : [secret]),
    ],
    has: (candidate, takesConfig, takesSecret) => of(candidate, takesConfig, takesSecret).length > 0,
    of,
  };
}

async function fromInput(name: string): Promise<string> {
  const refused = (why: string) =>
    new PlinthError("PLINTH_USAGE", `No value for ${name}: ${why}.`, { next: `Give it on standard input: plinth init --secret ${name} < FILE` });
  if (process.stdin.isTTY) throw refused("standard input is a terminal; run plinth init without flags to be asked for it");
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > MOST_BYTES) throw refused(`it has more than ${MOST_BYTES} characters`);
  }
  const value = text.trim();
  if (value === "") throw refused("standard input is empty");
  return value;
}
