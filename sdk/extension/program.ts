import type { Bridge } from "@plinth/manifests/wire/bridge.ts";
import { toBase64 } from "@plinth/manifests/wire/bytes.ts";
import { linkedSignal } from "./linked-signal.ts";
import type { ProgramEnd, ProgramOptions } from "./spawn.ts";

export interface ExecOptions extends ProgramOptions {
  /** Its standard input; default empty. */
  input?: string | Uint8Array;
  /** Longest run in milliseconds; default 60 000, at most 600 000. */
  timeoutMs?: number;
  /** Most output of both streams together, in bytes; default and most 8 MiB. */
  maxBytes?: number;
  /** Output as it comes. It is then not collected. */
  onOutput?: (chunk: Uint8Array, stream: "stdout" | "stderr") => void;
}

export interface ExecResult extends ProgramEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** Run a granted program, without a shell and behind the wall; resolves when it ended, whatever its exit code. */
export async function runProgram(
  bridge: Pick<Bridge, "exec">,
  stopping: AbortSignal,
  program: string,
  args: readonly string[] = [],
  options: ExecOptions = {},
) {
  const { input, signal, onOutput, ...rest } = options;
  const given = input === undefined ? {} : typeof input === "string" ? { input } : { input: toBase64(input), base64: true };
  const request = { program: String(program), args: args.map(String), ...rest, ...given };
  const text = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  let end: ProgramEnd = { code: null, signal: null };
  const linked = linkedSignal(stopping, signal);
  try {
    for await (const item of bridge.exec(request, linked.signal)) {
      if ("code" in item) end = { code: item.code, signal: item.signal };
      else if ("stdout" in item || "stderr" in item) {
        const [stream, chunk] = "stdout" in item ? (["stdout", item.stdout] as const) : (["stderr", item.stderr] as const);
        if (onOutput !== undefined) onOutput(chunk, stream);
        else text[stream] += decoders[stream].decode(chunk, { stream: true });
      }
    }
  } finally {
    linked.release();
  }
  return Object.freeze<ExecResult>({ ...end, stdout: text.stdout + decoders.stdout.decode(), stderr: text.stderr + decoders.stderr.decode() });
}
