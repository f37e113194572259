import { readdir, stat } from "node:fs/promises";

const MOST = 256;
/** A folder that was changed so lately may be changed again without its time telling. */
const SETTLED_MS = 2_000;

/** Which names a workspace's own folder holds: looked up anew only where the folder was changed. */
export class WorkspaceNames {
  readonly #known = new Map<string, { changed: string; names: ReadonlySet<string> }>();

  /** Whether one of these is there; true where nobody can tell. */
  async hasAny(workspace: string, wanted: readonly string[]): Promise<boolean> {
    const names = await this.#in(workspace);
    return names === undefined || wanted.some((name) => names.has(name));
  }

  async #in(workspace: string): Promise<ReadonlySet<string> | undefined> {
    try {
      const { ino, mtimeMs, ctimeMs } = await stat(workspace);
      const changed = `${ino} ${mtimeMs} ${ctimeMs}`;
      const known = this.#known.get(workspace);
      if (known?.changed === changed) return known.names;
      const names = new Set(await readdir(workspace));
      this.#known.delete(workspace);
      if (Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS) this.#known.set(workspace, { changed, names });
      for (const oldest of this.#known.keys()) if (this.#known.size > MOST) this.#known.delete(oldest);
      return names;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === "ENOENT" || code === "ENOTDIR" ? new Set() : undefined;
    }
  }
}
