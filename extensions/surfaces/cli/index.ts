import type { Call, Context } from "@plinth/sdk";
import { defineExtension } from "@plinth/sdk";
import { agent } from "./commands/agent.ts";
import { type OwnCommand, ownersOnly } from "./commands/command.ts";
import { completion } from "./commands/completion.ts";
import { configGet, configPath, configSet, configUndo, configUnset, configValidate } from "./commands/config.ts";
import { sessionsFollow } from "./commands/follow.ts";
import { boot, explain, hooks } from "./commands/insight.ts";
import { authAdd, authList, authLogin, authLogout, authOrder } from "./commands/model-auth.ts";
import { modelsStatus } from "./commands/model-status.ts";
import { models } from "./commands/models.ts";
import { sessionsExport, sessionsImport } from "./commands/session-files.ts";
import { sessionsArchive, sessionsCleanup, sessionsFork, sessionsLabel, sessionsUnarchive } from "./commands/session-keeping.ts";
import { sessionsDelete, sessionsList, sessionsRename, sessionsSearch, sessionsShow, sessionsWithdraw } from "./commands/sessions.ts";
import { status } from "./commands/status.ts";
import { top } from "./commands/top.ts";
import { usage } from "./commands/usage.ts";
import { feed } from "./feed.ts";
import { type LineHost, runLine, type Terminal, type TerminalItem } from "./line.ts";
import { answerRoute } from "./route.ts";

const commands: { [id: string]: OwnCommand } = {
  agent,
  status,
  top,
  "config.get": configGet,
  "config.set": configSet,
  "config.unset": configUnset,
  "config.path": configPath,
  "config.validate": configValidate,
  "config.undo": configUndo,
  completion,
  explain,
  hooks,
  boot,
  "sessions.list": sessionsList,
  "sessions.show": sessionsShow,
  "sessions.rename": sessionsRename,
  "sessions.fork": sessionsFork,
  "sessions.label": sessionsLabel,
  "sessions.archive": sessionsArchive,
  "sessions.unarchive": sessionsUnarchive,
  "sessions.delete": sessionsDelete,
  "sessions.export": sessionsExport,
  "sessions.import": sessionsImport,
  "sessions.cleanup": sessionsCleanup,
  "sessions.search": sessionsSearch,
  "sessions.follow": sessionsFollow,
  "sessions.withdraw": sessionsWithdraw,
  models,
  "models.status": modelsStatus,
  "models.auth.list": authList,
  "models.auth.add": authAdd,
  "models.auth.login": authLogin,
  "models.auth.order": authOrder,
  "models.auth.logout": authLogout,
  usage,
};

export default defineExtension({
  activate(ctx) {
    const host = lineHost(ctx);
    ctx.provide("plinth.entry", "cli", { main: (input, call) => main(host, input, call) });
    for (const [id, run] of Object.entries(commands)) {
      ctx.provide("plinth.cli-command", id, { run: (input, call) => ownersOnly(ctx, run, input, call) });
    }
    ctx.provide("plinth.http-route", "cli.api", {
      handle: (request, call) => answerRoute(request, call, (input) => main(host, input, call)),
    });
  },
});

/** One command line, run as the work of whoever sent it: the kernel's for the person at the terminal, or a surface's. */
function main(host: LineHost, input: { argv: string[]; terminal: Terminal }, call: Call): AsyncIterable<TerminalItem> {
  return feed(call.signal, (emit, signal) => runLine(host, input, emit, signal));
}

function lineHost(ctx: Context): LineHost {
  const commandsOf = ctx.use("plinth.cli-command");
  return {
    commands: async () => (await commandsOf.list()).map(({ id, extension, descriptor }) => ({ id, extension, ...descriptor })),
    run: (id, input, signal) => commandsOf.get(id).run(input, { signal }),
    version: async () => (await ctx.use("plinth.host").one().status({})).version,
  };
}
