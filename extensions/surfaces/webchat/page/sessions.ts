import { el } from "./dom.ts";
import type { Gateway } from "./gateway.ts";

const KEY = "plinth.session";

/** The session picker: what there is, newest first, and always the one that is shown. */
export class Sessions {
  readonly #gateway: Gateway;
  readonly #select: HTMLSelectElement;
  #titles = new Map<string, string>();
  current = sessionStorage.getItem(KEY) ?? "main";

  constructor(gateway: Gateway, select: HTMLSelectElement, onChange: () => void) {
    this.#gateway = gateway;
    this.#select = select;
    select.addEventListener("change", () => {
      this.#use(select.value);
      onChange();
    });
    this.#show(["main"]);
  }

  choose(key: string): void {
    this.#use(key);
    this.#show([...this.#select.options].map(({ value }) => value));
  }

  begin(): void {
    const stamp = new Date().toISOString().slice(0, 16).replace(/[:T]/g, "-");
    this.choose(`web-${stamp}-${Math.random().toString(36).slice(2, 6)}`);
  }

  async refresh(): Promise<void> {
    const answer = await this.#gateway.ask<{ sessions: { key: string; title?: string }[] }>("sessions.list").catch(() => undefined);
    if (answer === undefined) return;
    this.#titles = new Map(answer.sessions.flatMap(({ key, title }) => (title === undefined ? [] : [[key, title]])));
    this.#show(answer.sessions.map(({ key }) => key));
  }

  #use(key: string): void {
    this.current = key;
    sessionStorage.setItem(KEY, key);
  }

  #show(keys: readonly string[]): void {
    const all = [...new Set([this.current, ...keys, "main"])];
    this.#select.replaceChildren(...all.map((key) => el("option", { value: key, title: key }, this.#titles.get(key) ?? key)));
    this.#select.value = this.current;
  }
}
