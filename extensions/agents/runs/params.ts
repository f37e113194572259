import { PlinthError } from "@plinth/sdk";

/** Parameters of a gateway method as they came: each is checked when it is read. */
export class Params {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(input: unknown) {
    this.#values = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  }

  text(name: string, max: number): string | undefined {
    const value = this.#own(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" && value.length >= 1 && value.length <= max && value.isWellFormed()) return value;
    throw this.wrong(name, `is a text of 1 to ${max} characters, whole ones`);
  }

  /** What somebody wrote: half a character in it, as of a cut emoji, becomes the sign for one that is missing. */
  prose(name: string, max: number): string {
    const value = this.#own(name);
    if (typeof value === "string" && value.length >= 1 && value.length <= max) return value.toWellFormed();
    throw this.wrong(name, value === undefined || value === null ? "is missing" : `is a text of 1 to ${max} characters`);
  }

  texts<K extends string>(limits: Record<K, number>): { [N in K]?: string } {
    const found: { [N in K]?: string } = {};
    for (const name of Object.keys(limits) as K[]) {
      const value = this.text(name, limits[name]);
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  needed(name: string, max: number): string {
    const value = this.text(name, max);
    if (value === undefined) throw this.wrong(name, "is missing");
    return value;
  }

  oneOf<K extends string, V extends string>(name: K, values: readonly V[]): { [N in K]?: V } {
    const value = this.text(name, 64);
    if (value === undefined) return {};
    const known = values.find((one) => one === value);
    if (known === undefined) throw this.wrong(name, `is one of ${values.join(", ")}`);
    return { [name]: known } as { [N in K]?: V };
  }

  integer(name: string, max: number): number | undefined {
    const value = this.#own(name);
    if (value === undefined || value === null) return undefined;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return value as number;
    throw this.wrong(name, `is a whole number from 1 to ${max}`);
  }

  integers<K extends string>(limits: Record<K, number>): { [N in K]?: number } {
    const found: { [N in K]?: number } = {};
    for (const name of Object.keys(limits) as K[]) {
      const value = this.integer(name, limits[name]);
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  /** Absent where it was left out; null takes away what is set. */
  orNull<K extends string>(name: K, max: number): { [N in K]?: string | null } {
    const value = this.#own(name);
    if (value === undefined) return {};
    return { [name]: value === null ? null : this.text(name, max) } as { [N in K]?: string | null };
  }

  flags<K extends string>(name: K): { [N in K]?: boolean } {
    const value = this.#own(name);
    return value === undefined || value === null ? {} : ({ [name]: this.flag(name) } as { [N in K]?: boolean });
  }

  flag(name: string): boolean {
    const value = this.#own(name);
    if (value === undefined || value === null || typeof value === "boolean") return value === true;
    throw this.wrong(name, "is true or false");
  }

  /** What is in it its reader checks. */
  list(name: string, most: number): unknown[] | undefined {
    const value = this.#own(name);
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value) && value.length <= most) return value;
    throw this.wrong(name, `is a list of at most ${most}`);
  }

  wrong(name: string, what: string): PlinthError {
    return new PlinthError("PLINTH_PARAMS", `The parameter "${name}" ${what}.`, { next: "`methods.list` shows the parameters of each method." });
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
}
