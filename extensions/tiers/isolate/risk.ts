import type { RunnerInput } from "@plinth/sdk/wire";

type Permissions = RunnerInput["manifest"]["permissions"];

/**
 * Whether an extension's powers are worth a process of its own, also among extensions of one publisher: whoever broke out of its
 * isolate would have the powers of all in that process.
 */
export function needsOwnProcess({ exec = [], fs = [], net = [], principals = [], secrets = [] }: NonNullable<Permissions> = {}): boolean {
  return (
    exec.length + principals.length + secrets.length > 0 ||
    fs.some((entry) => entry.startsWith("/")) ||
    net.some((entry) => entry === "*" || LOOPBACK.test(entry.replace(/^[a-z]+:\/\//, "")))
  );
}

const LOOPBACK = /^(loopback|localhost|.*\.localhost|127(\.\d+){1,3}|\[::1\]|\[::ffff:127[^\]]*\]|0(\.0){0,3}|\[::\])(:\d+)?$/i;
