import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import type { Installation } from "../installation.ts";
import { setupSettingsOf } from "../market/settings.ts";
import type { Requester } from "../operation.ts";
import { type Part, pinOf } from "../set/step.ts";
import { isOfOtherProduct, isOwnPackage, readWorld, type Settings, settingsIn, type World } from "../world.ts";

/** Why something that the configuration names is not here. */
export interface SetupProblem {
  code: string;
  message: string;
  next: string;
  at: number;
  /** What the entry said then: another entry is tried at once. */
  entry: string;
}

const REQUESTER: Requester = { principal: { role: "owner", via: "config" }, surface: "api", session: "" };
/** What failed is not tried again before. */
const AGAIN_MS = 10 * 60_000;

/**
 * Extensions that the configuration names with a version or a source, and that are not installed; the product's own
 * packages, whatever it says of them; and what of those was installed from another version of the product.
 */
export function missingIn(world: World): { id: string; settings: Settings }[] {
  const { config, installed, bundled } = world;
  const named = Object.keys(config.extensions ?? {}).flatMap((id) => {
    const settings = settingsIn(config, id);
    const isNamed = settings.version !== undefined || settings.source !== undefined || isOwnPackage(world, id);
    return isNamed && settings.enabled !== false && !installed.has(id) && !bundled.has(id) ? [{ id, settings }] : [];
  });
  const other = [...installed.keys()].filter((id) => isOfOtherProduct(world, id));
  return [...named, ...other.map((id) => ({ id, settings: settingsIn(config, id) }))];
}

/** Install what the configuration names, one entry after the other; a failure is kept for doctor and told in the log. */
export class Setup {
  readonly #ctx: Context;
  readonly #installation: Installation;
  #running: Promise<void> | undefined;

  constructor(ctx: Context, installation: Installation) {
    this.#ctx = ctx;
    this.#installation = installation;
  }

  /** One run at a time; who asks meanwhile waits for the same one. */
  run(signal: AbortSignal): Promise<void> {
    this.#running ??= this.#run(signal).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** What went wrong, by extension; entries that are gone or done are forgotten. */
  async problems(): Promise<Map<string, SetupProblem>> {
    const missing = new Set(missingIn(await readWorld(this.#ctx)).map(({ id }) => id));
    const found = new Map<string, SetupProblem>();
    for (const key of await this.#ctx.store.keys("setup/")) {
      const id = key.slice("setup/".length);
      const problem = await this.#ctx.store.get<SetupProblem>(key);
      if (!missing.has(id)) await this.#ctx.store.delete(key);
      else if (problem !== undefined) found.set(id, problem);
    }
    return found;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#ctx;
    for (const { id, settings } of missingIn(await readWorld(this.#ctx))) {
      const key = `setup/${id}`;
      const entry = JSON.stringify([settings, setupSettingsOf(this.#ctx).consent]);
      const before = await store.get<SetupProblem>(key);
      if (before !== undefined && before.entry === entry && clock.now() - before.at < AGAIN_MS) continue;
      try {
        // One before it may have brought it along.
        const world = await readWorld(this.#ctx);
        if (!world.installed.has(id) || isOfOtherProduct(world, id)) await this.#install(id, settings, world, signal);
        await store.delete(key);
        log.info("An extension that the configuration or the product asks for was installed.", { id });
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message, next = `plinth plugins install ${id}` } = errorInfo(thrown);
        await store.set(key, { code, message, next, at: clock.now(), entry } satisfies SetupProblem);
        log.error("An extension that the configuration or the product asks for could not be installed.", { id, code, message, next });
      }
    }
  }

  async #install(id: string, settings: Settings, world: World, signal: AbortSignal): Promise<void> {
    const staged: string[] = [];
    try {
      // The product's own come from the product, in the one version that it has.
      const preparing = this.#installation.prepareSpec(specOf(id, isOwnPackage(world, id) ? {} : settings), world, world.home, staged, signal);
      const prepared = await last(preparing);
      const named = prepared.parts[0]?.id;
      if (named !== id) {
        throw new PlinthError("PLINTH_PACKAGE_MISMATCH", `${id} is named, but what its source gives is ${named}.`, { next: "Correct the source." });
      }
      const { consent } = setupSettingsOf(this.#ctx);
      const unasked = consent === "config" ? [] : prepared.parts.filter((part) => !isConsented(part, world));
      if (unasked.length > 0) {
        const [first] = unasked as [Part];
        const what =
          first.id === id ? `${id} is named without grants` : `${id} brings ${first.id} along, which the configuration does not grant anything`;
        const may = first.asks.slice(0, 6).join("; ") || "do nothing outside itself";
        throw new PlinthError("PLINTH_CONSENT_NEEDED", `${what}: nobody has consented to it. It may ${may}.`, {
          next: `Consent to it: plinth plugins install ${id}, or write extensions["${first.id}"].grants`,
        });
      }
      // What else the configuration names is the operator's wish too, even where it came along.
      const isNamed = (other: string) => Object.hasOwn(world.config.extensions ?? {}, other);
      const packages = prepared.packages.map((one) => (isNamed(one.id) ? { ...one, ...pinOf({ asked: true }, undefined) } : one));
      await last(this.#installation.settle({ ...prepared, packages }, "yes", REQUESTER, signal));
    } finally {
      await this.#installation.drop(staged);
    }
  }
}

/**
 * It is the product's own code, and the owner wrote its name or has it; its entry states what it may do, `{}` for nothing;
 * or it is here already and asks for nothing new.
 */
function isConsented({ id, replaces, widens, notices }: Part, world: World): boolean {
  return (
    isOwnPackage(world, id) ||
    settingsIn(world.config, id).grants !== undefined ||
    (replaces !== undefined && widens.length === 0 && notices.length === 0)
  );
}

function specOf(id: string, { source, version }: Settings): string {
  const from = source ?? `registry:${id}`;
  return version !== undefined && from.startsWith("registry:") && !from.includes("@") ? `${from}@${version}` : from;
}

async function last<T>(steps: AsyncGenerator<string, T>): Promise<T> {
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
  }
}
