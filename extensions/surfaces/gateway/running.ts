import { randomBytes } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";

/** What clients on this machine read to find the gateway; kept in `<dir>/running.json` for the owner only. */
export interface Running {
  url: string;
  token: string;
  pid: number;
  startedAt: number;
  version: string;
}

/** Refuse to go on when a live gateway of this home is there already. */
export async function assertAlone(dir: string): Promise<void> {
  const other = await readRunning(join(dir, "running.json"));
  if (other !== undefined && (await isLive(other))) throw alreadyRunning(other);
}

/** Announce this gateway. Made whole or not at all, and never over the file of another live gateway. */
export async function announce(dir: string, running: Running): Promise<void> {
  const file = join(dir, "running.json");
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(running)}\n`);
    } finally {
      await handle.close();
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await link(draft, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
        await assertAlone(dir);
        await rm(file, { force: true });
      }
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** Take the announcement back, unless it is another gateway's by now. */
export async function withdraw(dir: string, running: Running): Promise<void> {
  const file = join(dir, "running.json");
  const found = await readRunning(file);
  if (found?.pid === running.pid && found.startedAt === running.startedAt) await rm(file, { force: true });
}

/** Asks an address whether a gateway answers there, without telling it the token. */
export async function whoAnswers(url: string): Promise<{ plinth?: string; startedAt?: number } | "silent" | "nobody"> {
  try {
    const response = await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(2_000), redirect: "error" });
    const text = await response.text();
    const body = (text.length < 4096 ? JSON.parse(text) : null) as { plinth?: unknown; startedAt?: unknown } | null;
    return {
      ...(typeof body?.plinth === "string" ? { plinth: body.plinth } : {}),
      ...(typeof body?.startedAt === "number" ? { startedAt: body.startedAt } : {}),
    };
  } catch (error) {
    if ((error as Error).name === "TimeoutError") return "silent";
    return error instanceof SyntaxError ? {} : "nobody";
  }
}

async function isLive(running: Running): Promise<boolean> {
  const answer = await whoAnswers(running.url);
  if (typeof answer === "object") return answer.startedAt === running.startedAt;
  // It took the connection and says nothing: a gateway that hangs still holds the home.
  return answer === "silent" && processExists(running.pid);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function readRunning(file: string): Promise<Running | undefined> {
  try {
    const value = JSON.parse(await readFile(file, "utf8")) as Partial<Running>;
    if (typeof value.url !== "string" || typeof value.pid !== "number" || typeof value.startedAt !== "number") return undefined;
    const { hostname } = new URL(value.url);
    return hostname === "" ? undefined : (value as Running);
  } catch {
    return undefined;
  }
}

const alreadyRunning = (other: Running): PlinthError =>
  new PlinthError("PLINTH_GATEWAY_RUNNING", `A gateway of this home runs already at ${other.url} (process ${other.pid}).`, {
    extension: "plinth.gateway",
    next: "Use that one, or stop it first. Another home (PLINTH_HOME) can have a gateway of its own.",
  });
