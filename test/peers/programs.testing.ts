import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const peers = join(import.meta.dirname, "node_modules");
const { resolve } = createRequire(join(import.meta.dirname, "package.json"));

/** Programs without an entry in `.bin`: OpenCode's own package wants those of other systems locked too, and a registry may not have them. */
const PATHS: Readonly<Record<string, string>> = { opencode: join(peers, "opencode-linux-x64/bin/opencode") };
const pathOf = (program: string): string => PATHS[program] ?? join(peers, ".bin", program);

/** Whether a library or program of `test/peers` is there; where it is not, one line says what is skipped. */
export function hasPeer(name: string, program?: string): boolean {
  const there = existsSync(program === undefined ? join(peers, name) : pathOf(program));
  if (!there) console.warn(`skipped: what needs ${name} (run \`npm ci\` in test/peers first)`);
  return there;
}

/** A library of `test/peers`, which has no types here. */
export const peer = async (name: string): Promise<any> => import(pathToFileURL(resolve(name)).href);

/** Run a program of `test/peers` to its end, in a folder that is its home and its work. */
export function program(
  name: string,
  args: readonly string[],
  home: string,
  env: Record<string, string>,
): Promise<{ code: number | null; text: string }> {
  const child = spawn(pathOf(name), args, {
    cwd: home,
    env: { PATH: process.env.PATH ?? "", HOME: home, XDG_CONFIG_HOME: join(home, "config"), XDG_DATA_HOME: join(home, "data"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (piece) => {
      text += piece;
    });
  }
  // Some leave helpers behind that hold the pipes: the group ends with it.
  const end = () => {
    try {
      process.kill(-(child.pid as number), "SIGKILL");
    } catch {}
  };
  const late = setTimeout(end, 100_000);
  child.once("exit", end);
  return new Promise((done) =>
    child.once("close", (code) => {
      clearTimeout(late);
      done({ code, text });
    }),
  );
}
