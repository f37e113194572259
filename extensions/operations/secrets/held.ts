import { randomBytes } from "node:crypto";

const PREFIX = "HELD_";
const MOST = 1_024;

/** Values that stand in no file of the host's: what signing in gave, or another program keeps. They end with the host. */
export class Held {
  readonly #values = new Map<string, string>();
  readonly #names = new Map<string, string>();

  static is(name: string): boolean {
    return name.startsWith(PREFIX);
  }

  /** @returns the same name for the same purpose, so that what was lent goes on with the new value. */
  hold(purpose: string, value: string): string {
    const name = this.#names.get(purpose) ?? `${PREFIX}${randomBytes(20).toString("hex").toUpperCase()}`;
    this.#names.delete(purpose);
    this.#names.set(purpose, name);
    this.#values.set(name, value);
    if (this.#names.size > MOST) {
      const [oldest, its] = this.#names.entries().next().value as [string, string];
      this.#names.delete(oldest);
      this.#values.delete(its);
    }
    return name;
  }

  value(name: string): string | null {
    return this.#values.get(name) ?? null;
  }
}
