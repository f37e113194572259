import { PlinthError, type Store } from "@plinth/sdk";

const MOST = 100;
const LONGEST = 500;

/** Notes in the extension's own store: they outlive the host. */
export class Notes {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async all(): Promise<string[]> {
    return (await this.#store.get<string[]>("notes")) ?? [];
  }

  /** How many there are now. */
  async add(text: string): Promise<number> {
    const notes = await this.all();
    if (text.length > LONGEST || notes.length >= MOST) {
      throw new PlinthError("PLINTH_NOTE", `At most ${MOST} notes of ${LONGEST} characters fit.`, { next: "Say it shorter, or clear the notes." });
    }
    await this.#store.set("notes", [...notes, text]);
    return notes.length + 1;
  }

  async clear(): Promise<void> {
    await this.#store.delete("notes");
  }
}
