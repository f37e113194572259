import { type Call, type Context, PlinthError } from "@plinth/sdk";
import type { BootServices } from "./boot-services.ts";
import type { Gateway } from "./gateway.ts";
import { isLoopback } from "./guard.ts";
import type { Listen } from "./listener.ts";

interface RunInput {
  options: Record<string, string | boolean>;
  terminal: { json: boolean };
}
type RunItem = { out: string } | { result: unknown } | { err: string } | { exit: number };

export interface Runner {
  start(listen: Partial<Listen>): Promise<Gateway>;
  stop(): Promise<void>;
  readonly services: BootServices;
  readonly active: boolean;
}

/** `plinth gateway run`: stays open until a signal, a cancel or the end of the host. */
export async function* run(ctx: Context, runner: Runner, { options, terminal }: RunInput, call: Call): AsyncGenerator<RunItem> {
  const port = parsePort(options.port);
  if (port === null) {
    throw new PlinthError("PLINTH_USAGE", `--port takes a number from 0 to 65535, not ${String(options.port).slice(0, 80)}.`, {
      next: "plinth gateway run --port 0 picks a free one.",
    });
  }
  if (runner.active) {
    throw new PlinthError("PLINTH_GATEWAY_RUNNING", "The gateway runs in this process already.", {
      next: "Use the one that runs.",
    });
  }
  const host = typeof options.host === "string" ? options.host : undefined;
  const stop = stopRequest([call.signal, ctx.signal]);
  try {
    const gateway = await runner.start({ ...(port === undefined ? {} : { port }), ...(host === undefined ? {} : { host }) });
    void runner.services.start();
    const { url, token, pid } = gateway.running;
    const json = terminal.json || options.json === true;
    if (json) yield { result: { url, token, pid } };
    else {
      yield { out: `Plinth is running.\n\n  Open  ${url}/#token=${token}\n  Stop  Ctrl+C\n\n` };
      const name = new URL(url).hostname.replace(/^\[|\]$/g, "");
      const bound = host ?? String(ctx.config.host ?? "127.0.0.1");
      if (!isLoopback(name) || bound === "0.0.0.0" || bound === "::") {
        yield { err: "Other machines can reach this port, without encryption. Put a TLS proxy or a tunnel in front of it.\n" };
      }
    }
    await stop.requested;
    if (!json) yield { out: "Stopping.\n" };
  } finally {
    stop.dispose();
    // A second signal is the process's own affair again: it ends it at once.
    await Promise.all([runner.stop(), runner.services.stop()]);
  }
}

/** undefined without the option, null when it is not a port. */
function parsePort(value: string | boolean | undefined): number | undefined | null {
  if (value === undefined) return undefined;
  return typeof value === "string" && /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : null;
}

function stopRequest(signals: AbortSignal[]): { requested: Promise<void>; dispose(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, stop);
  for (const signal of signals) {
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
  }
  return {
    requested: promise,
    dispose() {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
      for (const signal of signals) signal.removeEventListener("abort", stop);
    },
  };
}
