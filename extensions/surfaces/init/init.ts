import { type Call, type Client, type Context, errorInfo, PlinthError } from "@plinth/sdk";
import { readAnswers } from "./answers.ts";
import { type Candidate, type House, type Provider, readHouse } from "./house.ts";
import { Prompt } from "./prompt.ts";
import { cut, missingText, plain, providersText } from "./report.ts";
import { howTo, type Setting, set, takesConfig, takesSecret, unsetOf } from "./settings.ts";
import { type Trial, tryModel } from "./trial.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Missing = { setting: Setting; how: string };

/** `plinth init`: which model answers, whether it does, and where to talk. Only what is asked for is changed. */
export async function* init(ctx: Context, input: Input, call: Call): AsyncIterable<TerminalItem> {
  if (call.work?.principal.role !== "owner") {
    throw new PlinthError("PLINTH_NOT_OWNER", "This command is for the owner of this host only.", { next: "Run it in a shell on the machine." });
  }
  const setup = new Setup(ctx, input, call.signal);
  yield* setup.run();
}

class Setup {
  readonly #ctx: Context;
  readonly #terminal: Input["terminal"];
  readonly #signal: AbortSignal;
  readonly #input: Input;
  readonly #prompt: Prompt | undefined;
  readonly #chooses: boolean;
  readonly #missing: Missing[] = [];

  constructor(ctx: Context, input: Input, signal: AbortSignal) {
    this.#ctx = ctx;
    this.#input = input;
    this.#terminal = input.terminal;
    this.#signal = signal;
    const { local, tty, json } = input.terminal;
    if (local && tty && !json && process.stdin.isTTY) this.#prompt = new Prompt(signal);
    // A line that says what it wants is asked only for what that needs.
    this.#chooses = this.#prompt !== undefined && Object.keys(input.options).length === 0;
  }

  async *run(): AsyncIterable<TerminalItem> {
    const answers = await readAnswers(this.#input);
    let house = await readHouse(this.#ctx, this.#signal);
    const provider = await this.#provider(house, answers.provider);
    let places = placesOf(house, answers.talk);
    const wanted: Candidate[] = [...(provider === undefined ? [] : [provider]), ...places.channels];
    for (const name of answers.unclaimed(wanted, takesConfig, takesSecret))
      throw new PlinthError("PLINTH_USAGE", `Nothing that was chosen has a setting ${name}.`, { next: settingsOf(wanted) });
    let trial: Trial | undefined;
    if (provider !== undefined) {
      if (!provider.ready || answers.has(provider, takesConfig, takesSecret)) await this.#fill(provider, answers);
      if (this.#missing.length === 0) {
        const model = answers.model ?? (await this.#modelOf(provider));
        if (!answers.untested) {
          trial = await tryModel(this.#ctx, provider, model, this.#signal);
          yield { out: `${cut(trialText(provider, trial), this.#terminal)}\n` };
        }
        await this.#choose(house, provider, model);
      }
    }
    if (this.#chooses) places = await this.#askPlaces(house);
    for (const channel of places.channels) await this.#fill(channel, answers);
    house = await readHouse(this.#ctx, this.#signal);
    yield* this.#told(house, places, trial);
  }

  /** Which one to set up; undefined: leave it as it is. */
  async #provider(house: House, asked: string | undefined): Promise<Provider | undefined> {
    if (asked !== undefined) return found(house, asked);
    if (this.#prompt === undefined || !this.#chooses) return undefined;
    const now = inUse(house);
    this.#prompt.say(
      `Who answers? Now: ${plain(now === undefined ? house.model : `${now.id} (${house.model})`)}\n${providersText(house, this.#terminal, true)}`,
    );
    for (;;) {
      const typed = await this.#prompt.ask("Number or name; Enter leaves it as it is: ");
      if (typed === "") return undefined;
      const one = house.providers[Number(typed) - 1] ?? house.providers.find(({ id }) => id === typed.toLowerCase());
      if (one !== undefined) return one;
    }
  }

  async #modelOf({ id }: Provider): Promise<string | undefined> {
    if (this.#prompt === undefined || !this.#chooses) return undefined;
    const { defaultModel } = await this.#ctx.use("plinth.models").one().status({ provider: id }, { signal: this.#signal });
    return (await this.#prompt.ask(`Model; Enter for ${plain(defaultModel ?? "its own choice")}: `)) || undefined;
  }

  async #askPlaces(house: House): Promise<Places> {
    const prompt = this.#prompt as Prompt;
    const [first = "terminal", ...more] = namesOf(house);
    const titles = new Map(house.channels.map(({ id, title }) => [id, ` (${title})`]));
    prompt.say(`Where do you want to talk?\n${[first, ...more].map((one) => `  ${plain(`${one}${titles.get(one) ?? ""}`)}\n`).join("")}`);
    for (;;) {
      const typed = await prompt.ask(`Name, or several with commas; Enter for ${plain(first)}: `);
      try {
        return placesOf(house, typed === "" ? [first] : typed.split(",").flatMap((one) => one.trim() || []));
      } catch (thrown) {
        prompt.say(`${plain(errorInfo(thrown).message)}\n`);
      }
    }
  }

  /** What was given is set; what is unset is asked for where somebody can be asked, and noted where not. */
  async #fill(candidate: Candidate, answers: Awaited<ReturnType<typeof readAnswers>>): Promise<void> {
    for (const [setting, value] of answers.of(candidate, takesConfig, takesSecret)) await set(this.#ctx, setting, value, candidate);
    for (const setting of await unsetOf(this.#ctx, candidate)) {
      const typed = await this.#typed(setting);
      if (typed === "") this.#missing.push({ setting, how: howTo(setting, `plinth init ${flagOf(candidate)}`) });
      else await set(this.#ctx, setting, typed, candidate);
    }
  }

  async #typed({ kind, name, about }: Setting): Promise<string> {
    if (this.#prompt === undefined) return "";
    if (kind === "secret") return this.#prompt.hidden(`${plain(name)} (not shown; kept in secrets.json for you alone; Enter leaves it out): `);
    if (about !== undefined) this.#prompt.say(`${plain(about)}\n`);
    return this.#prompt.ask(`${plain(name)}: `);
  }

  async #choose({ model: before, modelPath }: House, { id, extension }: Provider, model: string | undefined): Promise<void> {
    const value = `${id}/${model ?? "auto"}`;
    if (value === before) return;
    if (modelPath === undefined) {
      throw new PlinthError("PLINTH_UNSUPPORTED", "Whoever routes messages here has no setting for the model.", {
        extension,
        next: "plinth explain plinth.router",
      });
    }
    await this.#ctx.use("plinth.host-admin").one().configSet({ path: modelPath, value });
  }

  async *#told(house: House, places: Places, trial: Trial | undefined): AsyncIterable<TerminalItem> {
    const now = inUse(house);
    // The stand-in counts where somebody chose it.
    const real = now?.ready === true && (!now.standIn || house.model !== "auto");
    yield {
      out: `Model  ${plain(house.model)}${now === undefined ? "" : `, answered by ${plain(now.id)} (${now.ready ? "ready" : plain(now.reason ?? "not ready")})`}\n`,
    };
    const next = nextOf(places, real, this.#missing.length > 0);
    if (!real && this.#missing.length === 0) yield { out: `\nNo real model is set up. There is:\n${providersText(house, this.#terminal)}` };
    if (this.#missing.length > 0) yield { out: `\nStill missing:\n${missingText(this.#missing)}` };
    yield { out: `\nNext:\n${next.map((one) => `  ${one}\n`).join("")}` };
    const ready = real && this.#missing.length === 0;
    yield {
      result: {
        ready,
        model: house.model,
        provider: now?.id ?? null,
        ...(trial === undefined ? {} : { trial }),
        talk: places.names,
        missing: this.#missing.map(({ setting: { kind, name, extension }, how }) => ({ kind, name, extension, how })),
        providers: house.providers.map(({ id, title, ready, reason, needs }) => ({
          id,
          title,
          ready,
          ...(reason === undefined ? {} : { reason }),
          needs,
        })),
        next,
      },
    };
    if (!ready) yield { exit: 1 };
  }
}

const namesOf = ({ hasPage, channels }: House): string[] => [...(hasPage ? ["page"] : []), "terminal", ...channels.map(({ id }) => id)];

function placesOf(house: House, chosen: readonly string[]): Places {
  const names = namesOf(house);
  const unknown = chosen.find((one) => !names.includes(one));
  if (unknown !== undefined) {
    const next = `Choose of: ${names.join(", ")}. More channels: plinth plugins search channel`;
    throw new PlinthError("PLINTH_CHANNEL_UNKNOWN", `There is no place "${unknown.slice(0, 80)}" to talk at.`, { next });
  }
  return { names: [...chosen], channels: house.channels.filter(({ id }) => chosen.includes(id)) };
}

const trialText = ({ id }: Provider, { model, text, durationMs }: Trial): string =>
  `${id}/${plain(model)} answered in ${(durationMs / 1_000).toFixed(1)} s: ${plain(text) || "(nothing)"}`;

interface Places {
  names: string[];
  channels: Candidate[];
}

/** Who would answer the next message. */
function inUse({ providers, model }: House): Provider | undefined {
  const [id] = model.split("/");
  return model === "auto" ? providers.find(({ ready }) => ready) : providers.find((one) => one.id === id);
}

function found({ providers, unchosen }: House, id: string): Provider {
  const one = providers.find((provider) => provider.id === id);
  if (one !== undefined) return one;
  const choose = unchosen.length === 0 ? "" : ` Others have to be chosen once: plinth grants choose ${unchosen.join(" or ")}.`;
  throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no model provider "${id.slice(0, 80)}".`, {
    next: `Choose one of: ${providers.map((provider) => provider.id).join(", ")}.${choose} What only makes vectors, sound or pictures needs no more than its secret: plinth models ${id.slice(0, 80)}`,
  });
}

const flagOf = (candidate: Candidate): string => ("priority" in candidate ? `--provider ${candidate.id}` : `--talk ${candidate.id}`);

function settingsOf(wanted: readonly Candidate[]): string {
  const names = wanted.flatMap(({ needs }) => [...(needs.config ?? []), ...(needs.secrets ?? [])]);
  return names.length === 0 ? "Choose what it is for: --provider ID, or --talk CHANNEL." : `There is ${names.join(", ")}.`;
}

function nextOf({ names }: Places, real: boolean, isMissing: boolean): string[] {
  if (isMissing || !real) return ["plinth init --provider ID", "plinth doctor"];
  const places = names.length === 0 ? ["page", "terminal"] : names;
  return places.map((one) => {
    if (one === "page") return "plinth gateway run   (then open the address that it prints)";
    return one === "terminal" ? 'plinth agent -m "Hello"' : `plinth gateway run   (then: plinth channels status ${one})`;
  });
}
