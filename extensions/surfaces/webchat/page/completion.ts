import { el } from "./dom.ts";

interface Command {
  name: string;
  summary: string;
  usage?: string;
  subcommands?: { name: string; summary: string; usage?: string }[];
}

interface Option {
  readonly insert: string;
  readonly word: string;
  readonly label: string;
  readonly summary: string;
  readonly usage?: string;
}

/** Completes slash commands and their subcommands in the message field: a listbox that the field's keys control. */
export class Completion {
  readonly #field: HTMLTextAreaElement;
  readonly #list: HTMLElement;
  #commands: readonly Command[] = [];
  #options: Option[] = [];
  #word = "";
  #active = -1;

  constructor(field: HTMLTextAreaElement, list: HTMLElement) {
    this.#field = field;
    this.#list = list;
    field.addEventListener("input", () => this.#update());
    field.addEventListener("blur", () => this.close());
    // Before the blur, so that the field keeps the focus.
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = (event.target as Element).closest("[role=option]");
      if (option !== null) this.#accept([...list.children].indexOf(option));
    });
  }

  set commands(commands: readonly Command[]) {
    this.#commands = commands;
  }

  close(): void {
    this.#list.hidden = true;
    this.#field.removeAttribute("aria-activedescendant");
  }

  /** Take a key of the field; true when it was meant for the list. */
  key(event: KeyboardEvent): boolean {
    if (this.#list.hidden || event.isComposing) return false;
    const count = this.#options.length;
    if (event.key === "ArrowDown") this.#select((this.#active + 1) % count);
    else if (event.key === "ArrowUp") this.#select((this.#active <= 0 ? count : this.#active) - 1);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" && !event.shiftKey) this.#accept(Math.max(0, this.#active));
    else if (event.key === "Enter" && !event.shiftKey) {
      // A word that is complete is meant to be sent.
      if (this.#active < 0 || this.#options.some(({ word }) => word === this.#word)) {
        this.close();
        return false;
      }
      this.#accept(this.#active);
    } else return false;
    event.preventDefault();
    return true;
  }

  #update(): void {
    const match = /^\/([a-z0-9-]*)(?: +([a-z0-9-]*))?$/i.exec(this.#field.value);
    const [, name = "", word] = match ?? [];
    const found = match === null ? [] : this.#matching(name, word);
    this.#word = word ?? name;
    this.#options = found.filter((option) => option.word.startsWith(this.#word.toLowerCase())).slice(0, 50);
    if (this.#options.length === 0) this.close();
    else this.#show(word === "" ? -1 : 0);
  }

  #matching(name: string, word: string | undefined): Option[] {
    return word === undefined
      ? this.#commands.map((command) => ({ ...command, insert: `/${command.name} `, word: command.name, label: `/${command.name}` }))
      : (this.#commands.find((command) => command.name === name)?.subcommands ?? []).map((sub) => ({
          ...sub,
          insert: `/${name} ${sub.name} `,
          word: sub.name,
          label: sub.name,
        }));
  }

  /** After a space nothing is chosen yet: Enter sends the command as it is. */
  #show(active: number): void {
    this.#list.replaceChildren(
      ...this.#options.map(({ label, summary, usage }, index) =>
        el(
          "div",
          { id: `command-${index}`, role: "option", "aria-selected": "false", ...(usage === undefined ? {} : { title: usage }) },
          el("span", { class: "command-name" }, label),
          el("span", { class: "command-summary" }, summary),
        ),
      ),
    );
    this.#list.hidden = false;
    this.#select(active);
  }

  #select(index: number): void {
    this.#list.children[this.#active]?.setAttribute("aria-selected", "false");
    this.#active = index;
    const option = this.#list.children[index];
    if (option === undefined) {
      this.#field.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", option.id);
  }

  #accept(index: number): void {
    const option = this.#options[index];
    if (option === undefined) return;
    this.#field.value = option.insert;
    this.#field.dispatchEvent(new Event("input"));
  }
}
