import { type InteractionAnswer, type InteractionField, type InteractionQuestion, visible } from "@plinth/sdk";
import type { Card } from "./card.ts";
import { UNREAD_MS } from "./card.ts";
import { el } from "./dom.ts";
import type { Failure } from "./gateway.ts";

export type Said = { option: string } | { values: Record<string, unknown> } | { decline: true };

const OUTCOMES = { chosen: "Answered", declined: "Not answered", cancelled: "Withdrawn", expired: "Expired" };
/** What a date field gives, as JSON Schema wants it. */
const INPUTS: { readonly [format: string]: string } = { email: "email", uri: "url", date: "date", "date-time": "datetime-local" };

/** Something that only a person knows: whose question it is, and what answers it. All of it works by keyboard alone. */
export class QuestionCard implements Card {
  readonly request: InteractionQuestion;
  readonly node: HTMLElement;
  readonly #form: HTMLFormElement;
  readonly #outcome = el("p", { class: "outcome", role: "status" });
  isOver = false;

  constructor(request: InteractionQuestion, answer: (said: Said) => Promise<unknown>) {
    this.request = request;
    const { id, from, tool, title, message, url, options, fields, kind, expiresAt } = request;
    const until = new Date(expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const choices = el("div", { class: "choices" });
    const take = (said: Said): void => void this.#take(said, answer);
    for (const option of options) choices.append(button(visible(option.label), option.style, () => take({ option: option.id })));
    if (options.length === 0) choices.append(el("button", { type: "submit", class: "primary" }, "Answer"));
    if (kind !== "confirm") choices.append(button("Do not answer", "normal", () => take({ decline: true })));
    this.#form = el("form", { class: "reply", autocomplete: "off" }, ...fields.map((field) => fieldNode(id, field)), choices);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      take({ values: valuesOf(this.#form, fields) });
    });
    this.node = el(
      "section",
      { class: "approval question", role: "group", "aria-labelledby": `ask-${id}`, "data-id": id, "data-kind": kind },
      el("h3", { id: `ask-${id}` }, `${visible(from)} asks`, el("span", { class: "risk" }, visible(tool ?? title))),
      el("p", { class: "said" }, visible(message, { lines: true, max: 4_000 })),
      url !== undefined &&
        el("p", {}, "It leads to ", el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, visible(url, { max: 8_192 }))),
      kind === "secret" && el("p", { class: "why" }, "What you type goes to whoever asks, and is kept nowhere here."),
      this.#form,
      el("p", { class: "left" }, `No answer by ${until} is none. In a shell: plinth questions show ${id}`),
      this.#outcome,
    );
    this.#enable(false);
    setTimeout(() => this.#enable(true), UNREAD_MS);
  }

  settle({ answer, option, values, by, why }: InteractionAnswer): void {
    this.isOver = true;
    this.node.dataset.outcome = answer;
    this.#form.remove();
    this.node.querySelector(".left")?.remove();
    const { options, fields } = this.request;
    const label = options.find(({ id }) => id === option)?.label;
    const said = label ?? fields.flatMap(({ name, title }) => (values?.[name] === undefined ? [] : [`${title}: ${shown(values[name])}`])).join("; ");
    const who = by.role === "system" ? "" : ` by ${visible(by.name ?? by.role)} via ${visible(by.via)}`;
    this.#outcome.textContent = `${OUTCOMES[answer]}${who}.${said ? ` ${visible(said)}` : ""}${why ? ` ${visible(why)}` : ""}`;
  }

  async #take(said: Said, answer: (said: Said) => Promise<unknown>): Promise<void> {
    this.#enable(false);
    try {
      await answer(said);
    } catch (failure) {
      if (this.isOver) return;
      this.#outcome.textContent = `${(failure as Failure).message} ${(failure as Failure).next ?? ""}`;
      this.#enable(true);
    }
  }

  #enable(on: boolean): void {
    for (const one of this.#form.querySelectorAll("button")) one.disabled = !on;
  }
}

const shown = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : value === true ? "yes" : value === false ? "no" : String(value));

function button(label: string, style: string, press: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", class: style }, label);
  made.addEventListener("click", press);
  return made;
}

/** A field's name within its form: as it stands, it could take the place of what a form has itself, such as `remove`. */
const inForm = (name: string): string => `field.${name}`;

function fieldNode(ask: string, field: InteractionField): HTMLElement {
  const name = inForm(field.name);
  const { title, description, type, required, options = [] } = field;
  const usual = field.default;
  const id = `f-${ask}-${field.name}`;
  const words = [visible(title), required ? "" : el("span", { class: "risk" }, " optional")];
  const more = description === undefined ? null : el("small", { id: `${id}-more` }, visible(description));
  const common = { id, name, required, "aria-describedby": more === null ? undefined : `${id}-more` };
  if (type === "boolean") {
    return el(
      "div",
      { class: "line" },
      el("label", { class: "tick" }, el("input", { ...common, required: false, type: "checkbox", checked: usual === true }), ...words),
      more,
    );
  }
  if (type === "choices") {
    const given = Array.isArray(usual) ? usual : [];
    const ticks = options.map((one) =>
      el("label", { class: "tick" }, el("input", { type: "checkbox", name, value: one.id, checked: given.includes(one.id) }), visible(one.label)),
    );
    return el("fieldset", { class: "line" }, el("legend", {}, ...words), more, ...ticks);
  }
  const label = el("label", { for: id }, ...words);
  if (type === "choice") {
    const all = [
      el("option", { value: "" }, required ? "Choose…" : "None"),
      ...options.map((one) => el("option", { value: one.id, selected: usual === one.id }, visible(one.label))),
    ];
    return el("div", { class: "line" }, label, more, el("select", common, ...all));
  }
  if (field.long) {
    const area = el("textarea", { ...common, rows: "4" });
    if (typeof usual === "string") area.value = usual;
    return el("div", { class: "line" }, label, more, area);
  }
  const kind = type === "text" ? (INPUTS[field.format ?? ""] ?? "text") : type === "secret" ? "password" : "number";
  const input = el("input", {
    ...common,
    type: kind,
    ...(type === "number" ? { step: "any" } : {}),
    autocomplete: type === "secret" ? "new-password" : "off",
  });
  if (usual !== undefined) input.value = String(usual);
  return el("div", { class: "line" }, label, more, input);
}

/** What was filled in; what was left empty is left out. */
function valuesOf(form: HTMLFormElement, fields: readonly InteractionField[]): Record<string, unknown> {
  const data = new FormData(form);
  const values: [string, unknown][] = [];
  for (const { name, type, format } of fields) {
    const text = String(data.get(inForm(name)) ?? "");
    if (type === "boolean") values.push([name, data.has(inForm(name))]);
    else if (type === "choices") values.push([name, data.getAll(inForm(name)).map(String)]);
    else if (text === "") continue;
    else if (type === "number" || type === "integer") values.push([name, Number(text)]);
    else values.push([name, format === "date-time" ? new Date(text).toISOString() : text]);
  }
  return Object.fromEntries(values);
}
