import { ToolNames } from "@plinth/sdk/kits/model-api";

/** Names of tools as this server takes them: besides what every server wants, the first character is a letter or `_`. */
export class LetteredNames {
  readonly #names: ToolNames;
  readonly #given: ReadonlyMap<string, string>;

  constructor(names: readonly string[]) {
    this.#names = new ToolNames(names.map(lettered));
    this.#given = new Map(names.map((name) => [lettered(name), name]));
  }

  wire(name: string): string {
    return this.#names.wire(lettered(name));
  }

  /** The tool's name by the name that was sent. */
  get ours(): ReadonlyMap<string, string> {
    return new Map([...this.#names.sent].map(([wire, name]) => [wire, this.#given.get(name) ?? name]));
  }
}

const lettered = (name: string): string => (/^[A-Za-z_]/.test(name) ? name : `_${name}`);
