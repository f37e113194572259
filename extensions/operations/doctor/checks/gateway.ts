import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type Context, errorInfo, type Finding, type Manifest, type Provider } from "@plinth/sdk";
import { GATEWAY_STATE, GatewayLink, isSameProcess, RUNNING_FILE, readRunning, SOCKET_FILE } from "@plinth/sdk/home";

const OWNER = "plinth.gateway";

/** Whether a gateway of this home runs, is this home's own, and can be reached by whom; and what one left that was killed. */
export function gatewayCheck(ctx: Context): Provider<"plinth.check"> {
  const homeOf = async () => (await ctx.use("plinth.host").one().status({})).home;
  return {
    async examine() {
      const home = await homeOf();
      const found = await running(home);
      if (found !== undefined) return { findings: "code" in found ? [found] : exposed(found.url) };
      return { findings: [...left(home), ...(await taken(ctx))] };
    },
    async mend() {
      const folder = join(await homeOf(), GATEWAY_STATE);
      if (!isLeft(folder)) return { done: [] };
      for (const name of [RUNNING_FILE, SOCKET_FILE]) rmSync(join(folder, name), { force: true });
      return { done: ["Removed what a gateway that was killed had left."] };
    },
  };
}

async function running(home: string): Promise<Finding | { url: string } | undefined> {
  try {
    using link = await GatewayLink.find(home);
    return link === null ? undefined : { url: link.running.url };
  } catch (thrown) {
    const { code, message, next = "plinth gateway run" } = errorInfo(thrown);
    return { code, severity: "problem", owner: OWNER, what: "runs and does not answer as it should", why: message, next };
  }
}

function exposed(url: string): Finding[] {
  if (/^(localhost|127(\.\d+){3}|\[?::1\]?)$/.test(new URL(url).hostname)) return [];
  return [
    {
      code: "PLINTH_EXPOSED",
      severity: "notice",
      owner: OWNER,
      what: `listens for other machines, at ${url}`,
      why: "Whoever reaches it and has its token is the owner; without TLS before it, the token can be read on the way.",
      next: "Put a proxy with TLS before it, or let it listen on 127.0.0.1.",
    },
  ];
}

/** Announced by a process that is certainly not there any more. */
function isLeft(folder: string): boolean {
  const announced = readRunning(folder);
  return announced !== undefined && isSameProcess(announced.pid, announced.process) === false;
}

function left(home: string): Finding[] {
  const folder = join(home, GATEWAY_STATE);
  if (!isLeft(folder)) return [];
  return [
    {
      code: "PLINTH_GATEWAY_GONE",
      severity: "notice",
      owner: OWNER,
      what: "was ended without saying so",
      why: `Its announcement is still there, and its process (${readRunning(folder)?.pid}) is not. Commands run by themselves meanwhile.`,
      next: "Start it again: plinth gateway run",
      mendable: true,
    },
  ];
}

/** Whether the next start would find its port free. */
async function taken(ctx: Context): Promise<Finding[]> {
  const described = await ctx
    .use("plinth.host")
    .one()
    .describe({ id: OWNER })
    .catch(() => undefined);
  if (described === undefined) return [];
  const { value } = await ctx
    .use("plinth.host")
    .one()
    .configGet({ path: `extensions["${OWNER}"].config` });
  const given = (value ?? {}) as { port?: number; host?: string };
  const preset =
    ((described.manifest as Manifest).config as { properties?: { [name: string]: { default?: unknown } } } | undefined)?.properties ?? {};
  const port = given.port ?? Number(preset.port?.default ?? 0);
  const host = given.host ?? String(preset.host?.default ?? "127.0.0.1");
  if (port === 0 || (await isFree(port, host))) return [];
  return [
    {
      code: "PLINTH_PORT_TAKEN",
      severity: "notice",
      owner: OWNER,
      what: `would find its port ${port} taken`,
      why: "Another program, or the gateway of another home, listens there.",
      next: "plinth gateway run --port 0, or: plinth config set 'extensions[\"plinth.gateway\"].config.port' NUMBER",
    },
  ];
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
