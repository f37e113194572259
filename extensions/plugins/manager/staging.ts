import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isOwnerRunning, ownerName } from "@plinth/sdk/home";

/** Longer than any fetch may take: a folder this old that nobody waits for was left behind, whoever made it. */
const STALE_MS = 30 * 60_000;

/** Folders in which packages wait to be inspected and installed. Each begins with the process that made it. */
export class Staging {
  readonly #root: string;

  constructor(dataDir: string) {
    this.#root = join(dataDir, "staging");
  }

  /** A fresh empty folder, readable by this user only. */
  async open(): Promise<string> {
    const dir = join(this.#root, `${ownerName()}.${randomUUID()}`);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  /** Removes one of these folders; anything else is left alone. */
  async remove(dir: string): Promise<void> {
    await rm(join(this.#root, basename(dir)), { recursive: true, force: true });
  }

  async has(dir: string): Promise<boolean> {
    return (await this.#names()).includes(basename(dir));
  }

  /** Whether another process is on its way with something. */
  async othersWork(): Promise<boolean> {
    const own = ownerName();
    return (await this.#names()).some((name) => !name.startsWith(`${own}.`) && isOwnerRunning(name));
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#names()).length === 0;
  }

  /** Removes what an earlier process left behind. `waiting` are folders that a consent is still asked for. */
  async sweep(waiting: readonly string[], now: number): Promise<void> {
    const kept = new Set(waiting.map((dir) => basename(dir)));
    for (const name of await this.#names()) {
      if (kept.has(name)) continue;
      const { mtimeMs } = await stat(join(this.#root, name)).catch(() => ({ mtimeMs: now }));
      if (!isOwnerRunning(name) || now - mtimeMs > STALE_MS) await this.remove(name);
    }
  }

  async #names(): Promise<string[]> {
    return await readdir(this.#root).catch(() => []);
  }
}
