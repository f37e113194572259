import { runningGateway } from "../running-gateway.ts";
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

async function gatewayOf(run: Run, host: { home: string }): Promise<Gateway> {
  const found = await runningGateway(host.home);
  return found === undefined ? { running: !run.terminal.local } : { running: true, ...found };
}
