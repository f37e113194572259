import { resolve } from "node:path";
import type { Call, Client } from "@plinth/sdk";
import type { Match } from "../bindings.ts";
import { entryOf, explained, type Question } from "./actions.ts";
import { matchOf, matchText } from "./binding-text.ts";
import { assertOwner, type Roster, usage } from "./roster.ts";
import { agentLines, bindingLine, decisionLines, shown } from "./words.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type Item = ReturnType<Run> extends AsyncIterable<infer One> ? One : never;
type Command = (input: Input, roster: Roster) => AsyncIterable<Item>;

/** `plinth agents …` and `plinth route explain`, by capability id. */
const commands: Record<string, Command> = {
  async *"agents.list"(_, roster) {
    const agents = await roster.list();
    for (const line of agents.flatMap(agentLines)) yield { out: `${line}\n` };
    yield { result: { agents } };
  },

  async *"agents.add"({ args, options, terminal }, roster) {
    const { title, model, harness } = texts(options);
    const workspace = typeof options.workspace === "string" ? resolve(terminal.cwd, options.workspace) : undefined;
    const id = String(args.id);
    const entry = entryOf({ ...(title && { title }), ...(model && { model }), ...(harness && { harness }), ...(workspace && { workspace }) });
    const { agent, bindings } = await roster.add(id, entry, words(options.bind).map(matchOf));
    for (const line of agentLines({ ...agent, bindings })) yield { out: `${line}\n` };
    if (bindings.length === 0) yield { out: `Nothing is bound to it yet. Talk to it: plinth agent --session agent:${id}:main -m "Hello"\n` };
    yield { result: { agent: { ...agent, bindings } } };
  },

  async *"agents.bindings"({ args }, roster) {
    const bindings = roster.bindings(typeof args.id === "string" ? args.id : undefined);
    if (bindings.length === 0) yield { out: "Nothing is bound.\n" };
    for (const one of bindings) yield { out: `${bindingLine(one)}\n` };
    yield { result: { bindings } };
  },

  async *"agents.bind"({ args, options }, roster) {
    const matches = [...words(options.bind), ...listed(args.where)].map(matchOf);
    if (matches.length === 0)
      throw usage("Nothing is named that is to be bound.", "Name a channel, an account or an address: plinth agents bind desk chat:ops");
    const done = await roster.bind(String(args.id), matches);
    const lines = (what: string, which: readonly Match[]) => which.map((match) => `${what}: ${bindingLine({ agent: done.agent, match })}\n`);
    for (const out of [...lines("Bound", done.added), ...lines("Now with its account", done.upgraded), ...lines("There already", done.kept)])
      yield { out };
    yield { result: done };
  },

  async *"agents.unbind"({ args, options }, roster) {
    const matches = [...words(options.bind), ...listed(args.where)].map(matchOf);
    if ((matches.length === 0) !== (options.all === true))
      throw usage("Say what is to be taken away.", "Name it as `plinth agents bindings` shows it, or give --all.");
    const done = await roster.unbind(String(args.id), options.all === true ? undefined : matches);
    for (const match of done.removed) yield { out: `Taken away: ${bindingLine({ agent: done.agent, match })}\n` };
    yield { result: done };
  },

  async *"agents.delete"({ args }, roster) {
    const done = await roster.delete(String(args.id));
    for (const match of done.removed) yield { out: `No longer bound: ${shown(matchText(match))}\n` };
    yield { out: `Deleted: ${done.agent}. Its files stay in ${shown(done.workspace)}, and its conversations are kept.\n` };
    yield { result: done };
  },

  async *"agents.set-identity"({ options, terminal }, roster) {
    const { agent, name, theme, emoji, avatar } = texts(options);
    const path = (value: unknown) => (typeof value === "string" ? resolve(terminal.cwd, value) : undefined);
    const [workspace, file] = [path(options.workspace), path(options["identity-file"])];
    const done = await roster.setIdentity({
      ...{ ...(agent && { agent }), ...(name && { name }), ...(theme && { theme }), ...(emoji && { emoji }), ...(avatar && { avatar }) },
      ...(workspace === undefined ? {} : { workspace }),
      ...(file === undefined ? {} : { file }),
      fromFile: options["from-identity"] === true,
    });
    for (const [field, value] of Object.entries(done.identity)) yield { out: `${field}: ${shown(value)}\n` };
    yield { result: done };
  },

  async *"route.explain"({ args, options }, roster) {
    const { channel, account, peer, thread, guild, team, parent, agent, session } = texts(options);
    const parts = { channel, account, peer, thread, guild, team, parent, agent, session };
    const roles = words(options.roles);
    const question = Object.fromEntries(
      Object.entries({ ...parts, address: args.address, roles: roles.length === 0 ? undefined : roles }).filter(([, value]) => value !== undefined),
    ) as Question;
    const decision = explained(roster.config, question, options.guest !== true);
    for (const line of decisionLines(decision)) yield { out: `${line}\n` };
    yield { result: decision };
  },
};

export async function* shellCommand(id: string, input: Input, roster: Roster, call: Call): AsyncIterable<Item> {
  assertOwner(call);
  const run = commands[id];
  if (run !== undefined) yield* run(input, roster);
}

const texts = (options: Input["options"]): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, typeof value === "string" && value !== "" ? value : undefined]));

const words = (value: unknown): string[] => (typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : []);
const listed = (value: string | string[] | undefined): string[] => (value === undefined ? [] : [value].flat());
