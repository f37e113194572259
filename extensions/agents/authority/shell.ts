import { type Call, type Client, type Effect, PlinthError, visible } from "@plinth/sdk";
import type { Allowance, Allowances } from "./allowances.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input, call: Call) => AsyncIterable<TerminalItem>;

const UNITS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LONGEST_MS = 366 * UNITS.d;

/** `plinth authority …`, by capability id. */
export function shellCommands(
  allowances: Allowances,
  digestOf: (extension: string) => Promise<string | undefined>,
  now: () => number,
): Record<string, Command> {
  return {
    async *"authority.list"(_input, call) {
      owners(call);
      const all = await allowances.list();
      if (all.length === 0) yield { out: "Nobody: what others had a hand in is asked for.\n" };
      for (const one of all) yield { out: `${line(one)}\n` };
      yield { result: { allowances: all } };
    },

    async *"authority.grant"({ args, options }, call) {
      owners(call);
      const [party, effect] = [String(args.party), String(args.effect)];
      if (!["exec", "send", "spend"].includes(effect))
        throw usage(`Nothing is granted for ${JSON.stringify(effect.slice(0, 20))}.`, "Name exec, send or spend.");
      const digest = await digestOf(party);
      if (digest === undefined)
        throw usage(`No third party ${JSON.stringify(party.slice(0, 80))} is installed.`, "`plinth plugins list` shows what is.");
      const session = typeof options.session === "string" ? options.session : undefined;
      const where = session === undefined ? { agent: typeof options.agent === "string" ? options.agent : "main" } : { session };
      const expiresAt = now() + span(options.expires);
      const allowance = await allowances.add({ party, effect: effect as Effect, digest, ...where, expiresAt });
      yield { out: `${line(allowance)}\n` };
      yield { result: { allowance } };
    },

    async *"authority.revoke"({ args }, call) {
      owners(call);
      const revoked = await allowances.revoke(String(args.which));
      if (revoked.length === 0) throw usage("Nothing like that was allowed.", "`plinth authority list` shows what was.");
      for (const one of revoked) yield { out: `Taken back: ${line(one)}\n` };
      yield { result: { revoked } };
    },
  };
}

function line({ id, party, effect, agent, session, expiresAt }: Allowance): string {
  const where = session === undefined ? `for the agent ${visible(agent ?? "", { max: 80 })}` : `in the conversation ${visible(session, { max: 80 })}`;
  const until = `${new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `${id}  ${visible(party, { max: 128 })} may ${effect} ${where}, until ${until}`;
}

function span(value: unknown): number {
  if (value === undefined) return 30 * UNITS.d;
  const match = /^(\d{1,5})([mhd])$/.exec(String(value));
  const ms = match === null ? 0 : Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  if (ms > 0 && ms <= LONGEST_MS) return ms;
  throw usage("--expires is no time of at most 366 days.", "Give one such as 30m, 12h or 7d.");
}

function owners({ work }: Call): void {
  if (work?.principal.role === "owner" && work.influences.length === 0) return;
  throw new PlinthError("PLINTH_PERMISSION", "Only the owner of this host, and nobody's hand beside, says who may do what.", {
    extension: "plinth.authority",
    next: "Run the command in a shell.",
  });
}

const usage = (message: string, next: string): PlinthError => new PlinthError("PLINTH_USAGE", message, { next });
