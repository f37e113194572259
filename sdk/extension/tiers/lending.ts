import { spawn } from "node:child_process";
import { existsSync, openSync, readlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { PlinthError } from "../errors.ts";
import type { OwnUser } from "./own-user.ts";

/** How a folder is lent: by a user namespace in which its owner stands for who uses it. */
export interface Lending {
  /** Open here; for whoever takes it over. */
  readonly mapping: number;
}

const UNSHARE = "/usr/bin/unshare";
const STEPS = 500;

/**
 * Make that namespace. A mount that carries it shows the files of `from` as files of `to`, and what `to` makes there is
 * `from`'s: `to` is nobody's owner anywhere else. Only for root.
 */
export async function lend(extension: string, path: string, from: OwnUser, to: OwnUser): Promise<Lending> {
  if (!existsSync(UNSHARE)) throw notLent(extension, path, `${UNSHARE} is not here`);
  const child = spawn(UNSHARE, ["--user", "--", "/bin/cat"], { stdio: ["pipe", "ignore", "ignore"], env: {} });
  try {
    const failed = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error("no user namespaces")));
    });
    failed.catch(() => {});
    const own = readlinkSync("/proc/self/ns/user");
    const namespace = `/proc/${child.pid}/ns/user`;
    for (let step = 0; step < STEPS && readlinkSync(namespace) === own; step++) await Promise.race([sleep(2), failed]);
    writeFileSync(`/proc/${child.pid}/uid_map`, `${from.uid} ${to.uid} 1`);
    writeFileSync(`/proc/${child.pid}/gid_map`, `${from.gid} ${to.gid} 1`);
    return { mapping: openSync(namespace, "r") };
  } catch (thrown) {
    throw notLent(extension, path, (thrown as Error).message);
  } finally {
    child.kill("SIGKILL");
  }
}

const notLent = (extension: string, path: string, why: string): PlinthError =>
  new PlinthError("PLINTH_ROOT", `${extension} cannot be lent ${path}: this host runs as root, and that folder is another user's (${why}).`, {
    extension,
    next: "Run the host as a user of its own (docs/operating.md, As a service), or use ctx.files, which the host answers.",
  });
