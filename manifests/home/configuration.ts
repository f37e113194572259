import { placed } from "../check/documents.ts";
import { errors } from "../errors.ts";
import type { Config } from "../schema/config.ts";
import { type ErrorData, errorData, type PlinthError } from "../wire/error.ts";
import { stampOf } from "./commit.ts";
import { type JudgedPlan, type Objection, objectionsTo, refusalOf } from "./config-check.ts";
import { configFile, editedConfig, type LoadedConfig, loadConfig, saveConfig, withText } from "./config-file.ts";
import { beforeIn, type KeptConfig, keepConfig, keptConfigs, notInForce } from "./config-history.ts";
import { readTextIfAny } from "./text-file.ts";

/** The host whose configuration it is. */
export interface ConfiguredHost {
  readonly home: string;
  /** In force, with the plan that it led to. */
  readonly config: LoadedConfig;
  readonly plan: JudgedPlan;
  /** Every extension that is here. */
  readonly ids: readonly string[];
  /** The contract without which no command can be run. */
  readonly main: string;
  /** The plan that another configuration would lead to. */
  judge(config: Config): Promise<JudgedPlan>;
  /** Put one in force; resolves to the generation's number. */
  enforce(config: LoadedConfig): Promise<number>;
  tell(level: "warn" | "error", problem: ErrorData): void;
}

/** Changes of `plinth.json`. All but `check` and `versions` are only for whoever holds the writers' lock. */
export class Configuration {
  readonly #host: ConfiguredHost;

  constructor(host: ConfiguredHost) {
    this.#host = host;
  }

  /** Set or remove one path. What would break the host is refused before anything is written. */
  async set(path: string, value: unknown, force: boolean): Promise<{ generation: number }> {
    // The file may have been edited by hand since it was read: edits apply to what is there now, and may be what mends it.
    return await this.#apply(await editedConfig({ ...this.#host.config, text: await this.#text() }, path, value), force);
  }

  /** Put a configuration that was in force before back into the file: the one before this one, or a numbered one. */
  async undo(number: number | undefined, force: boolean): Promise<{ number: number; generation: number }> {
    const kept = await keptConfigs(this.#host.home);
    const chosen = number === undefined ? beforeIn(kept, await this.#text()) : kept.find((one) => one.number === number);
    if (chosen === undefined) throw errors.noEarlierConfig(kept.map((one) => one.number));
    const config = await withText(this.#host.config, chosen.text);
    return { number: chosen.number, ...(await this.#apply(config, force, chosen.as ?? chosen.number)) };
  }

  /** What is kept, newest first, with the file as it is and the one that an undo would bring back. */
  async versions(): Promise<{ file: string; text: string; undo?: number; kept: KeptConfig[] }> {
    const kept = await keptConfigs(this.#host.home);
    const text = await this.#text();
    const undo = beforeIn(kept, text)?.number;
    return { file: configFile(this.#host.home), text, ...(undo === undefined ? {} : { undo }), kept };
  }

  /** What is wrong with the file as it is now, whatever is in force. */
  async check(): Promise<{ file: string; problems: ErrorData[] }> {
    const file = configFile(this.#host.home);
    try {
      const config = await loadConfig(this.#host.home);
      const found = await this.#objections(config, EMPTY);
      return { file, problems: found.map(({ error }) => errorData(error)) };
    } catch (thrown) {
      return { file, problems: [errorData(thrown)] };
    }
  }

  /** What somebody saved into the file; or what is in force, with the reason, where that cannot be. */
  async saved(): Promise<LoadedConfig> {
    const { home, config } = this.#host;
    const stamp = await stampOf(config.file);
    try {
      const saved = await loadConfig(home);
      // Editors empty a file before they write it, and what narrows a grant must not be lost in between.
      if (saved.text.trim() === "" && config.text.trim() !== "")
        throw errors.configInvalid(config.file, "", "it is empty or gone; {} is an empty one");
      const found = await this.#objections(saved);
      const refusal = refusalOf(found, true);
      if (refusal !== undefined) throw refusal;
      await keepConfig(home, saved.text);
      return { ...saved, problems: found.map(({ error }) => errorData(error)).filter(({ code }) => code === "PLINTH_NOT_INSTALLED") };
    } catch (thrown) {
      const problem = notInForce(thrown, "the one that runs");
      this.#host.tell("error", problem);
      return { ...config, stamp, problems: [problem] };
    }
  }

  async #apply(config: LoadedConfig, force: boolean, as?: number): Promise<{ generation: number }> {
    const { home } = this.#host;
    const refusal = refusalOf(await this.#objections(config), force);
    if (refusal !== undefined) throw refusal;
    await keepConfig(home, this.#host.config.text);
    const saved = await saveConfig(config);
    await keepConfig(home, saved.text, as);
    return { generation: await this.#host.enforce(saved) };
  }

  /** What speaks against it, each with its place in the file. */
  async #objections({ text, value }: LoadedConfig, before?: { plan: JudgedPlan; config: Config }): Promise<Objection[]> {
    const { ids, main, config, plan } = this.#host;
    const next = { plan: await this.#host.judge(value), config: value };
    const found = objectionsTo(before ?? { plan, config: config.value }, next, { ids, main });
    return await Promise.all(found.map(async ({ error, forceable }) => ({ forceable, error: (await placed(error, text)) as PlinthError })));
  }

  async #text(): Promise<string> {
    return (await readTextIfAny(configFile(this.#host.home))) ?? "";
  }
}

/** Nothing is known and nothing runs: everything that is wrong is told. */
const EMPTY: { plan: JudgedPlan; config: Config } = {
  plan: { extensions: new Map(), blocked: new Map(), disabled: new Set(), contracts: new Map(), slots: new Map(), problems: [] },
  config: {},
};
