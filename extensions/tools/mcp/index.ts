import { homedir } from "node:os";
import {
  type Call,
  defineExtension,
  type Effect,
  errorInfo,
  isProduct,
  keepArtifact,
  PlinthError,
  type ToolProblem,
  type ToolResult,
} from "@plinth/sdk";
import { type Asker, Server } from "./server.ts";
import type { Keep } from "./wording.ts";

interface Configured {
  command: string;
  args?: string[];
  cwd?: string;
  env?: Record<string, string>;
  pass?: string[];
  effects?: Effect[];
  timeoutMs?: number;
  startTimeoutMs?: number;
}

/** What a program needs to find its way; nothing that the host was given for itself. */
const ALWAYS = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

export default defineExtension({
  activate(ctx) {
    const { servers: configured = {} } = ctx.config as { servers?: Record<string, Configured> };
    const changed = (): void =>
      void ctx.hooks.fire("tools.changed", { set: "mcp" }).catch((error) => ctx.log.warn("A change of tools was not told.", { ...errorInfo(error) }));
    const parts = { version: ctx.version, now: ctx.clock.now, log: ctx.log.warn, changed };
    const servers = new Map(Object.entries(configured).map(([name, one]) => [name, new Server(name, settingsOf(one), parts)]));
    ctx.effect("MCP servers", async () => void (await Promise.all([...servers.values()].map((one) => one.close()))));

    const serverOf = (source: string | undefined, tool: string): Server => {
      const server = servers.get(source ?? "");
      if (server !== undefined) return server;
      throw new PlinthError("PLINTH_TOOL_UNKNOWN", `There is no MCP server ${JSON.stringify(source ?? "")} with a tool ${JSON.stringify(tool)}.`, {
        next: 'extensions["plinth.mcp"].config.servers names those that there are.',
      });
    };

    const keepFor =
      (session: string | undefined): Keep =>
      async (base64, mimeType) => {
        const facts = { mimeType, ...(session === undefined ? {} : { session }) };
        return keepArtifact(ctx.use("plinth.artifacts").one(), Buffer.from(base64, "base64"), facts);
      };

    ctx.provide("plinth.tool-set", "mcp", {
      // A page for each server; all are started with the first.
      async list({ cursor }) {
        const all = [...servers.values()];
        const at = cursor === undefined ? 0 : Number(cursor);
        if (at === 0) for (const one of all) one.start();
        const server = all[at];
        if (server === undefined) return { tools: [] };
        const next = at + 1 < all.length ? { next: String(at + 1) } : {};
        try {
          return { tools: await server.list(), ...next };
        } catch (thrown) {
          return { tools: [], problems: [problemOf(server.name, thrown)], ...next };
        }
      },
      run: ({ tool, source, args, sessionKey }, call) =>
        serverOf(source, tool).run(tool, args, askerOf(call, sessionKey), call.signal, keepFor(sessionKey)),
      async call({ tool, source, args, sessionKey }, call) {
        let result: ToolResult | undefined;
        // Whoever wants to be asked follows the run.
        const asker = { ...askerOf(call, sessionKey), asked: false };
        for await (const item of serverOf(source, tool).run(tool, args, asker, call.signal, keepFor(sessionKey))) {
          if (item.type === "result") result = item.result;
        }
        if (result === undefined) throw new PlinthError("PLINTH_TOOL_RESULT", `${tool} of ${source} gave no result.`, { next: "Try again." });
        return result;
      },
      answer({ source, tool, ...answer }, { caller }) {
        if (!isProduct(caller)) throw notTheirs(caller);
        serverOf(source, tool).answer(answer);
        return {};
      },
    });
  },
});

/**
 * Only the product's catalog takes a question to the owner. What an extension behind a wall asks of it has a branch of the
 * work of its own: `ID/acme.x`.
 */
function askerOf({ caller, work }: Call, sessionKey: string | undefined): Asker {
  const { via, scope } = work?.principal ?? {};
  const branch = work === undefined ? "" : work.id.replace(/^[^/]*/, "");
  const who = isProduct(caller) ? [via, scope?.session ?? sessionKey, branch] : [caller];
  return { who: JSON.stringify(who), asked: isProduct(caller) };
}

const notTheirs = (caller: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${caller} may not answer what an MCP server asks: its owner does.`, {
    extension: caller,
    next: "Call the tool through plinth.tool-catalog: what it asks is taken to the owner.",
  });

function settingsOf({ command, args = [], cwd = homedir(), env = {}, pass = [], effects, timeoutMs = 120_000, startTimeoutMs = 20_000 }: Configured) {
  const own = Object.fromEntries(
    [...ALWAYS, ...pass].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]])),
  );
  return { command, args, cwd, env: { ...own, ...env }, effects, timeoutMs, startTimeoutMs };
}

function problemOf(name: string, thrown: unknown): ToolProblem {
  const { code, message } = errorInfo(thrown);
  return { what: `mcp: ${name}`, code: code.slice(0, 64), message: message.slice(0, 1_000) };
}
