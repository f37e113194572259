import { type Client, type Context, errorInfo } from "@plinth/sdk";

type Tasks = Client<"plinth.tasks">;
type Change = Omit<Parameters<Tasks["update"]>[0], "id" | "fence" | "revision">;

const HELD_MS = 60_000;
const HELD_AGAIN_MS = 20_000;

/** A child's place in the ledger: held while it goes on, so that one whose host died is lost. */
export class TaskRecord {
  readonly #ctx: Context;
  readonly #tasks: Tasks;
  readonly #id: string;
  readonly #fence: number;
  readonly #over = new AbortController();

  private constructor(ctx: Context, id: string, fence: number) {
    this.#ctx = ctx;
    this.#tasks = ctx.use("plinth.tasks").one();
    this.#id = id;
    this.#fence = fence;
  }

  static async begin(ctx: Context, input: Parameters<Tasks["create"]>[0]): Promise<TaskRecord> {
    const tasks = ctx.use("plinth.tasks").one();
    await tasks.create(input);
    const { fence } = await tasks.claim({ id: input.id, ttlMs: HELD_MS });
    return new TaskRecord(ctx, input.id, fence);
  }

  /** Until `over`. @param cancelled somebody wants it to end, or it is not held any more */
  watch(cancelled: () => void): void {
    const { signal } = this.#over;
    const timer = setInterval(
      () => void this.#tasks.claim({ id: this.#id, ttlMs: HELD_MS, fence: this.#fence }).catch(cancelled),
      HELD_AGAIN_MS,
    ).unref();
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
    const follow = async (): Promise<void> => {
      for await (const task of this.#tasks.follow({ ids: [this.#id] }, { signal })) {
        if (task.cancel !== undefined || task.status === "lost" || task.status === "cancelled") return cancelled();
      }
    };
    follow().catch((error: unknown) => {
      if (!signal.aborted) this.#ctx.log.warn("A task cannot be followed: it cannot be cancelled from elsewhere.", { ...errorInfo(error) });
    });
  }

  /** @throws PLINTH_TASK_OVER, PLINTH_TASK_FENCED */
  async say(change: Change): Promise<void> {
    for (let tries = 0; ; tries++) {
      const { task } = await this.#tasks.get({ id: this.#id });
      try {
        await this.#tasks.update({ id: this.#id, fence: this.#fence, revision: task.revision, ...change });
        return;
      } catch (error) {
        // Somebody asked for something of it meanwhile.
        if (errorInfo(error).code !== "PLINTH_TASK_MOVED" || tries === 5) throw error;
      }
    }
  }

  async delivered(status: "sent" | "suppressed" | "failed" | "unknown"): Promise<void> {
    await this.#tasks.delivered({ id: this.#id, status });
  }

  over(): void {
    this.#over.abort();
  }
}
