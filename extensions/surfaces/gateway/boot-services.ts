import { type Context, errorInfo } from "@plinth/sdk";
import { NOBODY } from "./directory.ts";

/** Starts what wants to run for as long as the gateway runs, and stops it at the end. */
export class BootServices {
  readonly #ctx: Context;
  readonly #started = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Start each service that asks for it; those that run already are told again, which changes nothing for them. */
  start(): Promise<void> {
    this.#stopped = false;
    this.#running = this.#running.then(() => this.#startAll());
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const services = this.#ctx.use("plinth.service");
    const ids = [...this.#started].reverse();
    this.#started.clear();
    await this.#ctx.work(NOBODY, () =>
      Promise.all(
        ids.map((id) =>
          services
            .get(id)
            .stop({})
            .catch((error) => this.#report(id, "stop", error)),
        ),
      ),
    );
  }

  async #startAll(): Promise<void> {
    if (this.#stopped) return;
    const services = this.#ctx.use("plinth.service");
    try {
      // As nobody: a service that takes messages from outside must not find the owner's rights around it.
      await this.#ctx.work(NOBODY, async () => {
        const wanted = (await services.list()).filter(({ descriptor }) => descriptor.start === "boot");
        await Promise.all(
          wanted.map(async ({ id, extension }) => {
            try {
              await services.get(id).start({});
              this.#started.add(id);
            } catch (error) {
              this.#report(id, "start", error, extension);
            }
          }),
        );
      });
    } catch (error) {
      this.#report("all", "start", error);
    }
  }

  #report(id: string, what: string, error: unknown, owner?: string): void {
    const info = errorInfo(error);
    this.#ctx.log.error(`The service ${id} did not ${what}.`, { ...(owner ? { extension: owner } : {}), ...info });
  }
}
