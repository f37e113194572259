import type { Call, Client } from "@plinth/sdk";
import { admit, type Input, type Operation } from "./operation.ts";
import { terminalText } from "./report.ts";

type Run = Client<"plinth.cli-command">["run"];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

/** `plinth plugins …` and `plinth grants …`: an operation as a shell command. */
export async function* runShell(operation: Operation, { args, options, terminal }: Parameters<Run>[0], call: Call): AsyncIterable<TerminalItem> {
  const requester = admit(operation, call, "cli");
  const input: Record<string, string | boolean> = { ...options };
  for (const [name, value] of Object.entries(args)) input[name] = Array.isArray(value) ? value.join(" ") : value;
  const job = { input: input as Input, requester, cwd: terminal.cwd, signal: call.signal };
  const steps = operation.run(job);
  let step = await steps.next();
  try {
    for (; !step.done; step = await steps.next()) {
      if (!terminal.json) yield { err: `${terminal.color ? `\u001b[2m${step.value}\u001b[22m` : step.value}\n` };
    }
  } finally {
    if (!step.done) await steps.return(undefined);
  }
  const report = operation.report(step.value, job);
  yield { out: report.verbatim ?? terminalText(report, terminal) };
  yield { result: step.value };
  if (report.exit !== undefined) yield { exit: report.exit };
  if (report.confirm) yield { confirm: report.confirm };
}
