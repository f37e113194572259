import type { Call, Client } from "@plinth/sdk";
import { decide, known, turn } from "./actions.ts";
import { assertOwner } from "./callers.ts";
import type { Channels } from "./channels.ts";
import { askingLine, personLine, statusLine } from "./shown.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input, call: Call) => AsyncIterable<TerminalItem>;

/** `plinth channels …`, by capability id. */
export function shellCommands(channels: Channels): Record<string, Command> {
  const now = (): number => Date.now();
  const on = (isOn: boolean): Command =>
    async function* ({ args, options }, call) {
      assertOwner(call);
      const account = typeof options.account === "string" ? options.account : undefined;
      const accounts = await turn(channels, String(args.channel), account, isOn);
      for (const one of accounts) yield { out: `${statusLine(one, now())}\n` };
      yield { result: { accounts } };
    };
  const decided = (standing: (input: Input) => string): Command =>
    async function* (input, call) {
      assertOwner(call);
      const result = decide(channels, String(input.args.address), standing(input));
      yield {
        out:
          "forgotten" in result ? `${result.forgotten ? "Forgotten" : "Nothing was decided about"}: ${result.address}\n` : `${personLine(result)}\n`,
      };
      yield { result };
    };
  return {
    async *"channels.list"(_input, call) {
      assertOwner(call);
      const accounts = await channels.status();
      if (accounts.length === 0) yield { out: "No channel is installed.\n" };
      for (const one of accounts) yield { out: `${statusLine(one, now())}\n` };
      yield { result: { accounts } };
    },

    async *"channels.status"({ args }, call) {
      assertOwner(call);
      const accounts = await known(channels, String(args.channel));
      for (const one of accounts) {
        yield { out: `${statusLine(one, now())}\n  ${one.title}, of ${one.extension}\n` };
        if (one.self !== undefined) yield { out: `  as ${one.self.name ?? one.self.handle ?? one.self.id}\n` };
        if (one.error?.next !== undefined) yield { out: `  next: ${one.error.next}\n` };
      }
      yield { result: { accounts } };
    },

    "channels.start": on(true),
    "channels.stop": on(false),

    async *"channels.pair"({ args, options }, call) {
      assertOwner(call);
      if (typeof args.code === "string") {
        const person = channels.people.pair(args.code, options.owner === true ? "owner" : "guest");
        yield { out: `${personLine(person)}\n` };
        return yield { result: { person } };
      }
      const asking = channels.people.asking();
      if (asking.length === 0) yield { out: "Nobody waits to be let in.\n" };
      for (const one of asking) yield { out: `${askingLine(one)}\n` };
      if (asking.length > 0)
        yield { out: "\nLet one in as a guest: plinth channels pair CODE. Your own account: plinth channels pair CODE --owner\n" };
      yield { result: { asking } };
    },

    async *"channels.people"(_input, call) {
      assertOwner(call);
      const people = channels.people.known();
      if (people.length === 0) yield { out: "Nobody was let in.\n" };
      for (const one of people) yield { out: `${personLine(one)}\n` };
      yield { result: { people, asking: channels.people.asking() } };
    },

    "channels.allow": decided(({ options }) => (options.owner === true ? "owner" : "guest")),
    "channels.block": decided(() => "blocked"),
    "channels.forget": decided(() => "forget"),
  };
}
