import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { type Context, PlinthError } from "@plinth/sdk";
import { KINDS } from "./kinds.ts";
import type { OpenFolder } from "./open-files.ts";
import { TEMPLATES } from "./templates.ts";

/** That a workspace was set up, and whether its first conversation is still to come. */
export interface Seed {
  path: string;
  at: number;
  bootstrap: "made" | "gone" | "none";
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
const BOOTSTRAP = "BOOTSTRAP.md";

/** Which workspaces were set up: kept outside of them, so that one that was emptied is not taken for a new one. */
export class Seeds {
  readonly #ctx: Pick<Context, "store" | "clock">;

  constructor(ctx: Pick<Context, "store" | "clock">) {
    this.#ctx = ctx;
  }

  of(real: string): Promise<Seed | undefined> {
    return this.#ctx.store.get<Seed>(keyOf(real));
  }

  /** BOOTSTRAP.md was taken away: whatever has that name later is not what was written for a new workspace. */
  async gone(real: string): Promise<void> {
    const seed = await this.of(real);
    if (seed?.bootstrap === "made") await this.#ctx.store.set(keyOf(real), { ...seed, bootstrap: "gone" });
  }

  /** Notice that it was taken away also where nobody asks for it. */
  async look(folder: OpenFolder, { path }: Seed): Promise<void> {
    const file = await folder.file(BOOTSTRAP);
    if (typeof file === "object") await file.close();
    else await this.gone(path);
  }

  /**
   * Write what is missing; what is there stays as it is.
   *
   * @param anew also where all of it is gone
   * @throws PLINTH_WORKSPACE_EMPTIED
   */
  async plant(folder: OpenFolder, anew: boolean): Promise<{ made: string[]; kept: string[] }> {
    const seed = await this.of(folder.real);
    const there = new Set<string>();
    for (const { name } of KINDS) {
      const file = await folder.file(name);
      if (file !== "missing") there.add(name);
      if (typeof file === "object") await file.close();
    }
    if (seed !== undefined && there.size === 0 && !anew) throw emptied(seed);
    const isNew = seed === undefined && there.size === 0;
    const bootstrap = isNew ? "made" : seed?.bootstrap === "made" && there.has(BOOTSTRAP) ? "made" : seed === undefined ? "none" : "gone";
    // Known before anything of it is there: a set-up that was cut off goes on as one.
    await this.#ctx.store.set(keyOf(folder.real), { path: folder.real, at: seed?.at ?? this.#ctx.clock.now(), bootstrap } satisfies Seed);
    const made: string[] = [];
    for (const [name, text] of Object.entries(TEMPLATES)) {
      if (there.has(name) || (name === BOOTSTRAP && !isNew)) continue;
      const file = await open(folder.child(name), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
      await file.writeFile(text).finally(() => file.close());
      made.push(name);
    }
    return { made, kept: [...there] };
  }
}

const keyOf = (real: string): string => `seeded/${createHash("sha256").update(real).digest("hex").slice(0, 40)}`;

const emptied = ({ path, at }: Seed): PlinthError =>
  new PlinthError(
    "PLINTH_WORKSPACE_EMPTIED",
    `The workspace ${path} was set up on ${new Date(at).toISOString().slice(0, 10)}, and none of its files is there any more.`,
    {
      next: "Bring them back from where you keep copies, or write new ones with `plinth workspace init --anew`.",
    },
  );
