import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

const STATE_STYLE = { ready: "dim", active: "green", disabled: "dim", blocked: "yellow", quarantined: "red" } as const;

/** The host, the gateway and each extension; what is at fault comes with its next step. */
export const status: OwnCommand = async (run) => {
  const host = await run.ctx.use("plinth.host").one().status({});
  const gateway = await gatewayOf(run, host);
  await run.out(
    [
      `${run.paint.bold(`plinth ${host.version}`)} on Node ${host.node}, process ${host.pid}, ${Math.round(host.memory.rss / 1_048_576)} MiB`,
      `home        ${host.home}`,
      `gateway     ${gateway.running ? `running at ${gateway.url ?? "this process"}` : "not running; start it with: plinth gateway run"}`,
      `generation  ${host.generation}${host.draining.length > 0 ? `, draining ${host.draining.join(", ")}` : ""}${host.safeMode ? run.paint.yellow(", safe mode") : ""}`,
      "",
      "",
    ].join("\n"),
  );
  const rows = host.extensions.map(({ id, version, tier, state, title }): (string | Cell)[] => [
    id,
    version,
    tier,
    { text: state, style: STATE_STYLE[state] },
    title,
  ]);
  await run.out(renderTable(["EXTENSION", "VERSION", "TIER", "STATE", "TITLE"], rows, run.terminal));
  const faults = [...host.problems, ...host.extensions.flatMap(({ id, fault }) => (fault ? [{ ...fault, extension: id }] : []))];
  for (const { code, message, extension, next } of faults) {
    await run.out(
      `\n${run.paint.red(plain(code))} ${extension ? `${plain(extension)}: ` : ""}${plain(message)}\n${next ? `  next: ${plain(next)}\n` : ""}`,
    );
  }
  await run.result({ ...host, gateway });
};

interface Gateway {
  running: boolean;
  url?: string;
  pid?: number;
}

/** A running gateway tells in its state folder where it listens. Its token stays where it is. */
async function gatewayOf(run: Run, host: { home: string }): Promise<Gateway> {
  try {
    const file = join(host.home, "state", "plinth.gateway", "running.json");
    const { url, pid } = JSON.parse(await readFile(file, "utf8")) as { url?: unknown; pid?: unknown };
    if (typeof pid === "number" && pid > 0 && isAlive(pid)) return { running: true, pid, ...(typeof url === "string" ? { url } : {}) };
  } catch {
    // No file, or half a file: then nothing runs that could be reached.
  }
  return { running: !run.terminal.local };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === "EPERM";
  }
}
