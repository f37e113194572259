import { type Call, type Context, PlinthError, type Provider, visible } from "@plinth/sdk";
import { allowed, type Command } from "./commands.ts";
import { startAfresh } from "./start-afresh.ts";
import { isThirdParty } from "./suggestions.ts";
import type { Turns } from "./turns.ts";

type Run = Provider<"plinth.chat-command">["run"];

/** The slash commands about conversations themselves, by capability id. */
export function ownCommands(ctx: Context, turns: Turns): Record<"help" | "new" | "stop" | "status", Run> {
  return {
    async *help({ args }, call) {
      const commands = await allowed(ctx, { principal: call.work?.principal });
      const name = args.replace(/^\//, "").toLowerCase();
      const command = commands.find(({ descriptor }) => descriptor.name === name);
      if (name === "") yield { text: commands.map(line).join("\n") };
      else if (command === undefined) yield { text: "There is no such command. `/help` shows those there are." };
      else yield { text: page(command) };
    },

    async *new({ sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      await startAfresh(ctx, sessionKey);
      yield { text: "A new conversation begins here. What was said before is kept, but the model does not see it." };
    },

    async *stop({ sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const { aborted } = turns.abort({ sessionKey }, call);
      const { endWhatItBegan } = await import("./began.ts");
      const tasks = await endWhatItBegan(ctx, sessionKey);
      const ended = [
        ...(aborted === 0 ? [] : [aborted === 1 ? "one turn" : `${aborted} turns`]),
        ...(tasks === 0 ? [] : [tasks === 1 ? "one task" : `${tasks} tasks`]),
      ];
      yield { text: ended.length === 0 ? "Nothing runs in this conversation." : `Stopped: ${ended.join(" and ")}.` };
    },

    async *status({ sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const [host, route, chosen] = await Promise.all([
        ctx.use("plinth.host").one().status({}),
        ctx.use("plinth.router").one().route({ surface: "command", sessionKey }),
        turns.choices.of(sessionKey),
      ]);
      const { running, queued } = turns.status();
      const troubled = host.extensions.filter(({ state }) => state === "quarantined" || state === "blocked");
      const lines = [
        `- Model: \`${chosen.model ?? route.model}\`${chosen.thinking === undefined ? "" : `, thinking \`${chosen.thinking}\``}${turns.lastModel ? ` (last answer: \`${turns.lastModel}\`)` : ""}`,
        `- Plinth ${host.version}, generation ${host.generation}${host.safeMode ? ", safe mode" : ""}`,
        `- Extensions: ${host.extensions.length}${troubled.length > 0 ? `, in trouble: ${troubled.map(({ id }) => `\`${id}\``).join(", ")}` : ""}`,
        `- Turns: ${running.length} running, ${queued} waiting`,
      ];
      yield { text: lines.join("\n") };
    },
  };
}

/** Also where an extension calls it past the surface that checks who types: what others use is a guest's. */
export function assertOwner({ work }: Pick<Call, "work">): void {
  if (work?.principal.role === "owner") return;
  throw new PlinthError("PLINTH_PERMISSION", "Conversations are their owner's; this is the work of a guest or of an extension.", {
    extension: "plinth.runs",
    next: "The owner can do it on the page or in a shell.",
  });
}

function line({ extension, descriptor: { name, summary } }: Command): string {
  return `- \`/${name}\`: ${visible(summary, { max: 300 })}${isThirdParty(extension) ? ` (\`${extension}\`)` : ""}`;
}

function page({ descriptor: { name, summary, usage, subcommands = [] } }: Command): string {
  return [
    `**/${name}**: ${summary}`,
    ...(usage ? [`Usage: \`${usage}\``] : []),
    ...(subcommands.length > 0 ? [subcommands.map((one) => `- \`${one.usage ?? `/${name} ${one.name}`}\`: ${one.summary}`).join("\n")] : []),
  ].join("\n\n");
}
