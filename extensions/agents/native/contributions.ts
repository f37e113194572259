import { askAll } from "./asking.ts";
import type { ContextParts, ContextTurn, Contributed, Contributor, Warning } from "./contributed.ts";
import { WorkspaceNames } from "./workspace-names.ts";

/** Asks whoever contributes to what a model is told; nobody is asked twice in a turn, and nobody is waited for long. */
export class Contributions {
  readonly #ctx: ContextParts;
  readonly #names = new WorkspaceNames();

  constructor(ctx: ContextParts) {
    this.#ctx = ctx;
  }

  /**
   * In the order in which they are sent: by stability, then by their contributors' order and id.
   *
   * @param room characters for all of them together; only asked for where somebody contributes
   */
  async of(turn: ContextTurn, room: () => Promise<number>, signal: AbortSignal): Promise<{ sections: Contributed[]; warnings: Warning[] }> {
    const all = (await this.#ctx.use("plinth.context").list()) as readonly Contributor[];
    const meant: Contributor[] = [];
    for (const one of all) {
      const { files } = one.descriptor;
      if (files === undefined || (await this.#names.hasAny(turn.workspace, files))) meant.push(one);
    }
    if (meant.length === 0) return { sections: [], warnings: [] };
    return askAll(this.#ctx, meant, turn, await room(), signal);
  }
}
