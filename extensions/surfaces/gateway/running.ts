import { randomBytes } from "node:crypto";
import { link, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import { GATEWAY_STATE, GatewayLink, homeIdentity, isSameProcess, RUNNING_FILE, type Running, readRunning } from "@plinth/sdk/home";

const PATIENCE_MS = 2_000;
/** What a killed gateway was about to announce, or its token. */
const DRAFT = /^(?:running\.json|token)\.(\d+)\.[0-9a-f]{8}$/;

/** Refuse to go on when a live gateway of this home is there already. */
export async function assertAlone(home: string): Promise<void> {
  const other = readRunning(join(home, GATEWAY_STATE));
  if (other !== undefined && other.home === homeIdentity(home) && (await isLive(home, other))) throw alreadyRunning(other);
}

/** Remove what gateways that were killed meanwhile left half made. */
export async function sweep(home: string): Promise<void> {
  const folder = join(home, GATEWAY_STATE);
  for (const name of await readdir(folder)) {
    const pid = DRAFT.exec(name)?.[1];
    if (pid !== undefined && isSameProcess(Number(pid), null) === false) await rm(join(folder, name), { force: true });
  }
}

/** Announce this gateway. Made whole or not at all, and never over the file of another live gateway. */
export async function announce(home: string, running: Running): Promise<void> {
  const file = join(home, GATEWAY_STATE, RUNNING_FILE);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(`${JSON.stringify(running)}\n`);
    } finally {
      await handle.close();
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await link(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
        await assertAlone(home);
        await rm(file, { force: true });
      }
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** Take the announcement back, unless it is another gateway's by now. */
export async function withdraw(home: string, running: Running): Promise<void> {
  const folder = join(home, GATEWAY_STATE);
  if (readRunning(folder)?.instance === running.instance) await rm(join(folder, RUNNING_FILE), { force: true });
}

/** Asks an address whether a gateway answers there, without telling it the token. */
export async function whoAnswers(url: string): Promise<{ plinth?: string } | "silent" | "nobody"> {
  try {
    const response = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(PATIENCE_MS), redirect: "error" });
    const text = await response.text();
    const body = (text.length < 4096 ? JSON.parse(text) : null) as { plinth?: unknown } | null;
    return typeof body?.plinth === "string" ? { plinth: body.plinth } : {};
  } catch (error) {
    if ((error as Error).name === "TimeoutError") return "silent";
    return error instanceof SyntaxError ? {} : "nobody";
  }
}

/** The very process, however busy; where the system cannot tell, whoever proves to be it or takes a connection in silence. */
async function isLive(home: string, running: Running): Promise<boolean> {
  if (isSameProcess(running.pid, running.process) === true) return true;
  try {
    using found = await GatewayLink.find(home, PATIENCE_MS);
    return found !== null;
  } catch {
    return true;
  }
}

const alreadyRunning = (other: Running): PlinthError =>
  new PlinthError("PLINTH_GATEWAY_RUNNING", `A gateway of this home runs already at ${other.url} (process ${other.pid}).`, {
    extension: "plinth.gateway",
    next: "Use that one, or stop it first. Another home (PLINTH_HOME) can have a gateway of its own.",
  });
