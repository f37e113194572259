import { type CatalogTool, type Context, errorInfo, PlinthError, type ToolDecision, type ToolPlace, type ToolRules } from "@plinth/sdk";

/** The product's own policy; without a configuration it takes nothing away. */
const OWN = "plinth.tool-policy";
/** A label of the work: what its turn's router, its conversation and the turns that asked for it say, as JSON. */
const LABEL = "tools";

interface Held {
  places: ToolPlace[];
  rules: ToolRules[];
}

export type Judged = Held & { tools: CatalogTool[]; explain?: boolean };

/** Asks the tool policy, where there is something that it could say. Where it cannot be asked, there are no tools. */
export class Gate {
  readonly #ctx: Pick<Context, "use" | "currentWork">;
  #configured: Promise<boolean> | undefined;

  constructor(ctx: Pick<Context, "use" | "currentWork">) {
    this.#ctx = ctx;
  }

  /** The host has another configuration, or other extensions, maybe. */
  changed(): void {
    this.#configured = undefined;
  }

  /** Why each tool that is taken away is, by name. What nobody turned on is not there, whoever asks. */
  async away(tools: CatalogTool[], place: ToolPlace): Promise<ReadonlyMap<string, string>> {
    const held = this.#held(place);
    if (held.rules.length === 0 && !(await this.#isConfigured())) {
      return new Map(tools.filter(({ descriptor }) => descriptor.optional).map(({ name }) => [name, why(NOT_TURNED_ON)]));
    }
    const decisions = await this.decide({ ...held, tools });
    return new Map(decisions.flatMap((one) => (one.offered ? [] : [[one.name, why(one)]])));
  }

  async decide(judged: Judged): Promise<ToolDecision[]> {
    try {
      const { decisions } = await this.#ctx.use("plinth.tool-policy").one().decide(judged);
      // Whoever decides decides of all of them.
      const by = new Map(decisions.map((one) => [one.name, one]));
      return judged.tools.map(({ name }) => by.get(name) ?? { name, offered: false, rule: "nothing was decided" });
    } catch (error) {
      throw new PlinthError("PLINTH_TOOL_POLICY", `Which tools there are could not be decided: ${errorInfo(error).message}`, {
        extension: OWN,
        next: "`plinth doctor` says what is wrong; without a decision there are no tools.",
        cause: error,
      });
    }
  }

  /** What was said of the place, and what the work says, whoever calls. */
  #held(place: ToolPlace): Held {
    const { agent, session: sessionKey, surface, sender, [LABEL]: label } = this.#ctx.currentWork()?.principal.scope ?? {};
    const { places, rules } = label === undefined ? { places: [], rules: [] } : (JSON.parse(label) as Held);
    const ofWork = plain({ agent, sessionKey, surface, sender });
    const same = Object.entries(ofWork).every(([name, value]) => (place[name as keyof ToolPlace] ?? value) === value);
    return { places: [...(same ? [{ ...ofWork, ...place }] : [ofWork, place]), ...places], rules };
  }

  /** Read once for a generation: no code of the policy runs before there is something to decide. */
  #isConfigured(): Promise<boolean> {
    const read = this.#configured ?? this.#read();
    this.#configured = read;
    read.catch(() => {
      if (this.#configured === read) this.#configured = undefined;
    });
    return read;
  }

  async #read(): Promise<boolean> {
    if ((await this.#ctx.use("plinth.tool-policy").list()).some(({ extension }) => extension !== OWN)) return true;
    if ((await this.#ctx.use("plinth.kernel").list()).length === 0) return false;
    const { config } = await this.#ctx.use("plinth.kernel").one().snapshot({});
    const own = config.extensions?.[OWN];
    return typeof own === "object" && own.enabled !== false && Object.keys(own.config ?? {}).length > 0;
  }
}

/** As the model and its reader are told. */
export const why = ({ level, rule = "it is not offered" }: Pick<ToolDecision, "level" | "rule">): string =>
  level === undefined ? rule : `${level}: ${rule}`;

const NOT_TURNED_ON = { level: "optional", rule: "not turned on" };

const plain = (place: { [K in keyof ToolPlace]: ToolPlace[K] | undefined }): ToolPlace =>
  Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
