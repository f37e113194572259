import { type Call, defineExtension, errorInfo, PlinthError, type ToolResult } from "@plinth/sdk";
import { type CommandEnd, RunningCommand } from "./command.ts";
import { printsOwnWords } from "./own-words.ts";
import { programOf } from "./program.ts";
import { workingFolder } from "./working-folder.ts";

const MAX_RUNNING = 16;
const DEFAULT_MS = 120_000;
const MAX_MS = 590_000;
const MAX_COMMAND = 100_000;

export default defineExtension({
  activate(ctx) {
    const running = new Set<RunningCommand>();
    const { PATH = "/usr/local/bin:/usr/bin:/bin", ...rest } = ctx.env;
    const env = { PATH, ...rest } as Record<string, string>;
    ctx.effect("running commands", async () => void (await Promise.all([...running].map((command) => command.stop()))));

    const run = async (args: Record<string, unknown>, workspace: string | undefined, { signal, work }: Call): Promise<ToolResult> => {
      if (work?.principal.role !== "owner") throw ownersOnly();
      const { command, timeoutMs } = checked(args);
      if (running.size >= MAX_RUNNING) {
        throw new PlinthError("PLINTH_EXEC_BUSY", `${MAX_RUNNING} commands run already.`, { next: "Wait for one of them to end." });
      }
      const cwd = await workingFolder(workspace, args.cwd);
      signal.throwIfAborted();
      const started = new RunningCommand(command, cwd, env);
      running.add(started);
      const stop = () => void started.stop();
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        stop();
      }, timeoutMs);
      signal.addEventListener("abort", stop, { once: true });
      try {
        const end = await started.ended;
        signal.throwIfAborted();
        return resultOf(end, timedOut ? timeoutMs : undefined);
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        running.delete(started);
      }
    };

    /** What a command printed may be anybody's words: whoever reads it does less by itself. */
    const noted = async (result: ToolResult, command: unknown): Promise<ToolResult> => {
      const { printed } = result.details as { printed: boolean };
      if (printsOwnWords(String(command), !printed)) return result;
      await ctx.lower("outside", "printed by a command");
      return { ...result, outside: true };
    };

    ctx.provide("plinth.tool", "exec", {
      subject: async ({ args, workspace }) => {
        const { command } = checked(args);
        const cwd = await workingFolder(workspace, args.cwd);
        return { argv: ["/bin/sh", "-c", command], cwd, env: [], executable: await programOf("/bin/sh") };
      },
      call: ({ args, workspace }, call) =>
        run(args, workspace, call)
          .then((result) => noted(result, args.command))
          .catch((thrown) => {
            if (call.signal.aborted) throw thrown;
            const { code, message, next } = errorInfo(thrown);
            return {
              isError: true,
              content: [{ type: "text", text: `${code}: ${message}${next ? ` ${next}` : ""}` }],
              details: { code, message, next },
            };
          }),
    });
  },
});

/** Also what an extension asks for within an owner's work: the host makes that a guest's. */
const ownersOnly = (): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", "Commands are run for owners only; this is the work of a guest or of an extension.", {
    extension: "plinth.exec",
    next: "An owner can ask for it in a conversation of their own.",
  });

function checked(args: Record<string, unknown>): { command: string; timeoutMs: number } {
  const { command, timeoutMs = DEFAULT_MS } = args;
  const wrong = (message: string) => new PlinthError("PLINTH_TOOL_INPUT", message, { next: "Correct the argument and call again." });
  if (typeof command !== "string" || command.trim() === "") throw wrong('"command" must be text.');
  if (command.includes("\0") || command.length > MAX_COMMAND) throw wrong(`"command" must have at most ${MAX_COMMAND} characters and no NUL.`);
  if (typeof timeoutMs !== "number" || !Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > MAX_MS) {
    throw wrong(`"timeoutMs" must be a whole number from 1 to ${MAX_MS}.`);
  }
  return { command, timeoutMs };
}

function resultOf({ output, omitted, code, signal, flooded }: CommandEnd, timedOutMs: number | undefined): ToolResult {
  const how =
    timedOutMs !== undefined
      ? `PLINTH_EXEC_TIMEOUT: it ran longer than ${timedOutMs} ms and was ended`
      : flooded
        ? "PLINTH_EXEC_OUTPUT: it wrote more than 64 MiB and was ended"
        : code === null
          ? `ended by ${signal ?? "a signal"}`
          : `exit code ${code}`;
  const text = `${output}${output === "" || output.endsWith("\n") ? "" : "\n"}[${how}]`;
  const failed = code !== 0 || timedOutMs !== undefined || flooded;
  return {
    content: [{ type: "text", text }],
    ...(failed ? { isError: true } : {}),
    details: { exitCode: code, signal, timedOut: timedOutMs !== undefined, omittedBytes: omitted, printed: output !== "" },
  };
}
