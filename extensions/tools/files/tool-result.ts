import { type Call, errorInfo, isPlinthError, PlinthError, type ToolResult } from "@plinth/sdk";

/** A tool's arguments, each read with the type that it must have. */
export interface ToolArguments {
  text(name: string): string;
  optionalText(name: string): string | undefined;
  flag(name: string): boolean;
  count(name: string, fallback: number, max: number): number;
}

/** Run a tool; what goes wrong becomes a result that the model can react to, with its code. */
export async function toolResult(args: Record<string, unknown>, call: Call, body: (args: ToolArguments) => Promise<ToolResult>): Promise<ToolResult> {
  try {
    call.signal.throwIfAborted();
    return await body(argumentsOf(args));
  } catch (thrown) {
    if (call.signal.aborted) throw call.signal.reason;
    const { code, message, next } = errorInfo(isPlinthError(thrown) ? thrown : fileError(thrown));
    return { isError: true, content: [{ type: "text", text: `${code}: ${message}${next ? ` ${next}` : ""}` }], details: { code, message, next } };
  }
}

/** @param outside whether somebody besides the owner had a hand in the text. */
export function textResult(text: string, details?: unknown, outside = false): ToolResult {
  return { content: [{ type: "text", text }], ...(details === undefined ? {} : { details }), ...(outside ? { outside } : {}) };
}

function argumentsOf(args: Record<string, unknown>): ToolArguments {
  const wrong = (name: string, wanted: string) =>
    new PlinthError("PLINTH_TOOL_INPUT", `"${name}" must be ${wanted}.`, { next: "Correct the argument and call again." });
  const optionalText = (name: string): string | undefined => {
    const value = args[name];
    if (value !== undefined && typeof value !== "string") throw wrong(name, "text");
    return value;
  };
  return {
    optionalText,
    text(name) {
      const value = optionalText(name);
      if (value === undefined) throw wrong(name, "given");
      return value;
    },
    flag(name) {
      const value = args[name] ?? false;
      if (typeof value !== "boolean") throw wrong(name, "true or false");
      return value;
    },
    count(name, fallback, max) {
      const value = args[name] ?? fallback;
      if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > max) throw wrong(name, `a whole number from 1 to ${max}`);
      return value;
    },
  };
}

/** What the file system answers, in words; its own message would show paths outside the workspace. */
function fileError(thrown: unknown): PlinthError {
  const { code } = thrown as { code?: unknown };
  const words: Record<string, [string, string]> = {
    ENOENT: ["There is no such file.", "List the folder to see what there is."],
    EACCES: ["This file may not be opened.", "Use another file."],
    EPERM: ["This file may not be changed.", "Use another file."],
    EROFS: ["The workspace is read-only.", "Use another workspace."],
    ENOSPC: ["The disk is full.", "Make room, then try again."],
    EISDIR: ["It is a folder.", "Name a file."],
    ENOTDIR: ["A part of the path is not a folder.", "List the folder to see what there is."],
    ENAMETOOLONG: ["The name is too long.", "Choose a shorter name."],
    EMFILE: ["Too many files are open.", "Try again in a moment."],
  };
  const [message, next] = words[String(code)] ?? [`The file system failed (${String(code ?? "unknown")}).`, "Try again, or use another file."];
  return new PlinthError(code === "ENOENT" ? "PLINTH_FILE_MISSING" : "PLINTH_FILE_FAILED", message, { next, cause: thrown });
}
