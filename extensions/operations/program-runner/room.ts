import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import {
  denied,
  doorProgram,
  type Found,
  type GrantedFolder,
  grantedPath,
  launch,
  PROGRAM_FOLDERS,
  programPath,
  type Room,
  type Terminal,
} from "@plinth/sdk/tiers";

/** What programs need besides themselves, read-only. */
const SYSTEM = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"];
/** By which a server is known to be whom it says; public. */
const CERTIFICATES = ["/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"];
/** Makes the terminal that a program was given its own: signals of keys, and its size, then reach it. */
const TERMINAL_OWNER = "/usr/bin/setsid";
const CONNECTION_AT = "3";

interface Needs {
  /** It begins as the door. */
  readonly waits?: boolean;
  readonly net?: boolean;
  readonly terminal?: boolean;
  /** It runs in the program's place. */
  readonly copy?: string | null;
}

/** It sees the system's programs and the granted folders, and nothing else of this machine; its network is its own, and empty. */
export const roomOf = (
  path: string,
  cwd: string,
  { waits = false, net = false, terminal = false, copy = null }: Needs,
): Omit<Room, "folders" | "user"> => {
  const ours = waits ? [process.execPath, doorProgram() ?? ""] : [];
  const system = [...SYSTEM, ...(net ? CERTIFICATES : [])].filter((one) => existsSync(one));
  const within = (one: string): boolean => system.some((folder) => one.startsWith(`${folder}/`));
  return {
    programs: [...system, ...new Set([path, ...ours].filter((one) => !within(one) && (one !== path || copy === null)))],
    // What a link in there leads to is what is run.
    covers: copy === null ? [] : [{ from: copy, to: within(path) ? realpathSync(path) : path }],
    cwd,
    env: {
      PATH: PROGRAM_FOLDERS.join(":"),
      HOME: "/",
      LANG: "C.UTF-8",
      TZ: process.env.TZ ?? "UTC",
      ...(terminal ? { TERM: "xterm-256color" } : {}),
    },
    processes: true,
    terminal,
  };
};

export function launched(
  extension: string,
  tools: Found,
  room: Room,
  command: readonly string[],
  { terminal, waits, net }: { terminal: Terminal | null; waits: boolean; net: boolean },
): ChildProcess {
  try {
    const door = doorProgram();
    if (waits && door === undefined) throw missing(extension, "the program that hands it its variables and its way out");
    if (terminal !== null && !existsSync(TERMINAL_OWNER)) throw missing(extension, TERMINAL_OWNER);
    const connected = { NODE_CHANNEL_FD: CONNECTION_AT, NODE_CHANNEL_SERIALIZATION_MODE: "json", OPENSSL_CONF: "/dev/null" };
    return launch(
      { ...tools, libraries: waits ? tools.libraries : [] },
      waits ? { ...room, env: { ...room.env, ...connected } } : room,
      [
        ...(terminal === null ? [] : [TERMINAL_OWNER, "--ctty"]),
        ...(waits ? [process.execPath, "--no-warnings", "--disable-sigusr1", door as string, net ? "ways" : "none"] : []),
        ...command,
      ],
      { input: "pipe", terminal: terminal?.far, connection: waits ? "ipc" : false },
    );
  } catch (thrown) {
    terminal?.near.destroy();
    throw thrown;
  } finally {
    if (terminal !== null) closeSync(terminal.far);
  }
}

/** Of the granted folders those that were asked for, with no more rights than were granted. */
export function narrowed(extension: string, granted: readonly GrantedFolder[], asked: readonly string[] | undefined): readonly GrantedFolder[] {
  if (asked === undefined) return granted;
  return asked.map((entry) => {
    const [name, write] = [entry.replace(/:ro$/, ""), !entry.endsWith(":ro")];
    const { folder, steps } = grantedPath(extension, granted, name);
    if (steps.length > 0) throw denied(extension, entry, "it is no granted folder itself");
    if (write && !folder.write) throw denied(extension, entry, "it was granted for reading only");
    return { ...folder, write };
  });
}

export function workingFolder(extension: string, folders: readonly GrantedFolder[], asked: string | undefined): string {
  const preset = folders.find(({ name }) => name === "workspace")?.path ?? "/";
  if (asked === undefined) return preset;
  const { folder, steps } = grantedPath(extension, folders, asked);
  return join(folder.path, ...steps);
}

export function resolved(extension: string, program: string): string {
  const found = programPath(program);
  if (found !== undefined) return found;
  throw new PlinthError("PLINTH_EXEC_FAILED", `There is no program ${program} here.`, { extension, next: `Install it into ${PROGRAM_FOLDERS[0]}.` });
}

const missing = (extension: string, what: string): PlinthError =>
  new PlinthError("PLINTH_EXEC_FAILED", `The program cannot be started: ${what} is missing here.`, {
    extension,
    next: "Install it, or ask for less (env, net, pty).",
  });
