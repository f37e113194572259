import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Credential } from "@plinth/sdk";
import { endOf } from "./claims.ts";
import type { From } from "./profile.ts";

const PROGRAM_MS = 10_000;
const MAX_BYTES = 256 * 1_024;
/** What a program printed is good so long; what a file says is read each time. */
const FRESH_MS = 300_000;
/** One that printed nothing is left alone so long. */
const NOTHING_MS = 5_000;
const MAX_VALUE = 65_536;
/** In the system's keyring. */
const SERVICE = "plinth";

export interface Read {
  readonly value: string;
  readonly expiresAt?: number;
}

/** Another program's sign-in: where it keeps it, or the program that tells it. It renews it itself. */
interface Login {
  readonly vendors: readonly string[];
  readonly kind: Credential["kind"];
  readonly file?: { readonly path: () => string; readonly read: (value: unknown) => Read | undefined };
  readonly command?: readonly string[];
}

const codex = (read: (value: unknown) => Read | undefined) => ({
  path: () => join(process.env.CODEX_HOME || join(homedir(), ".codex"), "auth.json"),
  read,
});

const LOGINS: Readonly<Record<string, readonly Login[]>> = {
  codex: [
    // The key that it made for itself, and what its sign-in gives: each is for another server.
    { vendors: ["openai"], kind: "key", file: codex((value) => text(value, "OPENAI_API_KEY")) },
    {
      vendors: ["openai-codex"],
      kind: "token",
      file: codex((value) => {
        const found = text(member(value, "tokens"), "access_token");
        const expiresAt = found === undefined ? undefined : endOf(found.value);
        return found === undefined ? undefined : { ...found, ...(expiresAt === undefined ? {} : { expiresAt }) };
      }),
    },
  ],
  claude: [
    {
      vendors: ["anthropic"],
      kind: "token",
      file: {
        path: () => join(process.env.CLAUDE_CONFIG_DIR || join(homedir(), ".claude"), ".credentials.json"),
        read(value) {
          const own = member(value, "claudeAiOauth");
          const found = text(own, "accessToken");
          const expiresAt = member(own, "expiresAt");
          return found === undefined ? undefined : { ...found, ...(typeof expiresAt === "number" ? { expiresAt } : {}) };
        },
      },
    },
  ],
  gcloud: [{ vendors: ["vertex"], kind: "token", command: ["gcloud", "auth", "application-default", "print-access-token"] }],
  gh: [{ vendors: ["github-copilot"], kind: "token", command: ["gh", "auth", "token"] }],
};

/** What a program signed in with, for one vendor. */
export function loginOf(program: string, vendor: string): Login | undefined {
  return Object.hasOwn(LOGINS, program) ? LOGINS[program]?.find(({ vendors }) => vendors.includes(vendor)) : undefined;
}

/** Whose sign-ins a vendor can be asked with. */
export const programsFor = (vendor: string): string[] => Object.keys(LOGINS).filter((name) => loginOf(name, vendor) !== undefined);

/** Values that others keep, read when they are used. Nothing of them is written anywhere. */
export class Sources {
  readonly #now: () => number;
  readonly #printed = new Map<string, { until: number; read: Promise<Read | undefined> }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is known without running a program: a list runs none. */
  async look(from: From, vendor: string): Promise<Read | true | undefined> {
    const file = "login" in from ? loginOf(from.login, vendor)?.file : undefined;
    if (file !== undefined) return inFile(file);
    const command = commandOf(from, vendor);
    if (command === undefined) return undefined;
    const known = this.#printed.get(JSON.stringify(command));
    return known === undefined || this.#now() >= known.until ? true : await known.read;
  }

  async read(from: From, vendor: string): Promise<Read | undefined> {
    const file = "login" in from ? loginOf(from.login, vendor)?.file : undefined;
    if (file !== undefined) return inFile(file);
    const command = commandOf(from, vendor);
    if (command === undefined) return undefined;
    const key = JSON.stringify(command);
    const known = this.#printed.get(key);
    if (known !== undefined && this.#now() < known.until) return known.read;
    const read = printed(command);
    this.#printed.set(key, { until: this.#now() + FRESH_MS, read });
    const value = await read;
    if (value === undefined) this.#printed.set(key, { until: this.#now() + NOTHING_MS, read });
    return value;
  }

  /** It was refused: what was printed is not good any more. */
  forget(from: From, vendor: string): void {
    const command = commandOf(from, vendor);
    if (command !== undefined) this.#printed.delete(JSON.stringify(command));
  }
}

function commandOf(from: From, vendor: string): readonly string[] | undefined {
  if ("command" in from) return from.command;
  if ("login" in from) return loginOf(from.login, vendor)?.command;
  if (!("keyring" in from)) return undefined;
  if (process.platform === "darwin") return ["security", "find-generic-password", "-s", SERVICE, "-a", from.keyring, "-w"];
  return ["secret-tool", "lookup", "service", SERVICE, "account", from.keyring];
}

/** The program's first line. What it says to its standard error is not kept: it may hold what it should not say. */
function printed([program, ...args]: readonly string[]): Promise<Read | undefined> {
  return new Promise((resolve) => {
    const child = execFile(
      program as string,
      args,
      { timeout: PROGRAM_MS, killSignal: "SIGKILL", maxBuffer: MAX_BYTES, windowsHide: true },
      (error, stdout) => resolve(error === null ? valued(stdout.split("\n")[0]?.trim()) : undefined),
    );
    child.stdin?.end();
  });
}

async function inFile({ path, read }: NonNullable<Login["file"]>): Promise<Read | undefined> {
  // Neither a pipe, which would be waited for, nor more than such a file holds.
  const file = await open(path(), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > MAX_BYTES) return undefined;
    return read(JSON.parse(await file.readFile("utf8")));
  } catch {
    return undefined;
  } finally {
    await file.close();
  }
}

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;

function text(value: unknown, name: string): Read | undefined {
  const found = member(value, name);
  return typeof found === "string" ? valued(found) : undefined;
}

/** A header's value: without line breaks, and of a length that a header has. */
const valued = (value: string | undefined): Read | undefined =>
  value === undefined || value === "" || value.length > MAX_VALUE || /[\r\n\0]/.test(value) ? undefined : { value };
