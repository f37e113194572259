import { type Context, defineExtension, errorInfo } from "@plinth/sdk";
import { type Duties, dutiesOf } from "./duties.ts";

const HOUR_MS = 3_600_000;
/** A timer takes no longer time. */
const LONGEST_MS = 2_147_483_647;
/** A little less than the hook's own deadline: a turn goes on without what takes longer. */
const PATIENCE_MS = 4_500;

export default defineExtension({
  activate(ctx) {
    const upkeep = new Upkeep(ctx);
    ctx.provide("plinth.service", "upkeep", {
      start: () => upkeep.start(),
      stop: () => upkeep.stop(),
    });
    ctx.hooks.on("message.received", () => upkeep.beforeTurn());
    ctx.hooks.on("generation.ready", () => upkeep.onChange());
  },
});

/** Decides from the kernel's state alone whether there is anything to do: the plugin manager is loaded only then. */
class Upkeep {
  readonly #ctx: Context;
  #timer: NodeJS.Timeout | undefined;
  #isOn = false;
  /** Nothing of it changes within a generation. */
  #known: { generation: number; duties: Promise<Duties> } | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
    ctx.effect("upkeep", () => void this.stop());
  }

  async start(): Promise<{ detail: Record<string, unknown> }> {
    this.#isOn = true;
    const { missing, everyHours, firstMs } = await this.#duties();
    if (missing.length > 0) this.#later({ setup: true });
    this.#schedule(everyHours, firstMs);
    return { detail: { missing, everyHours } };
  }

  async stop(): Promise<object> {
    this.#isOn = false;
    clearTimeout(this.#timer);
    return {};
  }

  /** undefined, so that the message stays as it is. */
  async beforeTurn(): Promise<undefined> {
    const { missing, waits } = await this.#dutiesOfWork();
    if (missing.length === 0) return undefined;
    const done = this.#run({ setup: true });
    if (waits) await Promise.race([done, this.#ctx.clock.sleep(PATIENCE_MS, this.#ctx.signal).catch(() => {})]);
    return undefined;
  }

  async onChange(): Promise<undefined> {
    if (!this.#isOn) return undefined;
    const { missing, everyHours } = await this.#duties();
    if (missing.length > 0) this.#later({ setup: true });
    this.#schedule(everyHours);
    return undefined;
  }

  async #duties(): Promise<Duties> {
    return dutiesOf(await this.#ctx.use("plinth.kernel").one().snapshot({}));
  }

  /** Every message asks: the kernel's whole state is looked at once for each generation. */
  #dutiesOfWork(): Promise<Duties> {
    const generation = this.#ctx.currentWork()?.generation ?? 0;
    if (generation === 0) return this.#duties();
    if (this.#known?.generation !== generation) {
      const duties = this.#duties();
      const known = { generation, duties };
      this.#known = known;
      duties.catch(() => {
        if (this.#known === known) this.#known = undefined;
      });
    }
    return this.#known?.duties ?? this.#duties();
  }

  #schedule(everyHours: number, firstMs = everyHours * HOUR_MS): void {
    clearTimeout(this.#timer);
    if (everyHours <= 0 || !this.#isOn) return;
    this.#timer = setTimeout(
      () => {
        this.#later({ advisories: true });
        this.#schedule(everyHours);
      },
      Math.min(firstMs, LONGEST_MS),
    );
    this.#timer.unref();
  }

  #later(options: Record<string, boolean>): void {
    void this.#run(options);
  }

  /** Failures are told by the manager where they happen; this is for when it cannot be asked at all. */
  async #run(options: Record<string, boolean>): Promise<void> {
    try {
      await this.#ctx.use("plinth.service").get("plugin-upkeep").start({ options });
    } catch (thrown) {
      if (!this.#ctx.signal.aborted) this.#ctx.log.warn("Upkeep could not be done.", { ...options, ...errorInfo(thrown) });
    }
  }
}
