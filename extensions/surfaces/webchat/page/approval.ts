import { type InteractionAnswer, type InteractionApproval, visible } from "@plinth/sdk";
import { type Card, UNREAD_MS } from "./card.ts";
import { el } from "./dom.ts";
import type { Failure } from "./gateway.ts";

const OUTCOMES = { chosen: "Allowed", declined: "Denied", cancelled: "Withdrawn", expired: "Expired" };
const REACH: { readonly [option: string]: string } = { once: ", once", session: ", in this conversation", always: ", always" };

/** One question: exactly what would be done, who had a hand in it, the risk, and the buttons. */
export class ApprovalCard implements Card {
  readonly request: InteractionApproval;
  readonly node: HTMLElement;
  readonly #choices = el("div", { class: "choices" });
  readonly #outcome = el("p", { class: "outcome", role: "status" });
  isOver = false;

  constructor(request: InteractionApproval, answer: (option: string) => Promise<unknown>) {
    this.request = request;
    const { id, title, risk, why, action, influencedBy, options, expiresAt } = request;
    const { subject } = action;
    const until = new Date(expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    this.node = el(
      "section",
      { class: "approval", role: "group", "aria-labelledby": `ask-${id}`, "data-id": id, "data-risk": risk },
      el("h3", { id: `ask-${id}` }, visible(title), el("span", { class: "risk" }, `${risk} risk`)),
      el("p", {}, visible(action.summary)),
      el(
        "dl",
        {},
        ...fact("Tool", `${visible(action.tool)} (${action.effect})`),
        ...(subject === undefined
          ? []
          : [
              ...fact("Command", visible(subject.argv.map(quoted).join(" "), { max: 300_000 }), true),
              ...fact("Folder", visible(subject.cwd, { max: 4_096 }), true),
              ...fact("Changes", visible(subject.env.join(", ")), true),
              ...fact("Program", subject.executable && `${visible(subject.executable.path)} sha256 ${subject.executable.sha256}`, true),
            ]),
      ),
      el("pre", { tabindex: "0", "aria-label": "Arguments, exactly" }, visible(JSON.stringify(action.args, null, 2), { lines: true, max: 300_000 })),
      influencedBy.length === 0
        ? el("p", {}, "Nobody but you and the product had a hand in it.")
        : el(
            "div",
            {},
            "Had a hand in it:",
            el("ul", {}, ...influencedBy.map(({ party, how }) => el("li", {}, el("b", {}, visible(party)), ` ${visible(how)}`))),
          ),
      el("p", { class: "why" }, visible(why)),
      this.#choices,
      el("p", { class: "left" }, `No answer by ${until} is no. In a shell: plinth approvals show ${id}`),
      this.#outcome,
    );
    for (const option of options) {
      const button = el("button", { type: "button", class: option.style, "data-option": option.id, disabled: true }, visible(option.label));
      button.addEventListener("click", () => void this.#take(option.id, answer));
      this.#choices.append(button);
    }
    setTimeout(() => this.#enable(true), UNREAD_MS);
  }

  settle({ answer, option, by, why }: InteractionAnswer): void {
    this.isOver = true;
    this.node.dataset.outcome = answer;
    this.#choices.remove();
    this.node.querySelector(".left")?.remove();
    const who = by.role === "system" ? "" : ` by ${visible(by.name ?? by.role)} via ${visible(by.via)}`;
    this.#outcome.textContent = `${OUTCOMES[answer]}${answer === "chosen" ? (REACH[option ?? ""] ?? "") : ""}${who}.${why ? ` ${visible(why)}` : ""}`;
  }

  async #take(option: string, answer: (option: string) => Promise<unknown>): Promise<void> {
    this.#enable(false);
    try {
      await answer(option);
    } catch (failure) {
      // Who was first is told with the answer itself.
      if (this.isOver) return;
      this.#outcome.textContent = `${(failure as Failure).message} ${(failure as Failure).next ?? ""}`;
      this.#enable(true);
    }
  }

  #enable(on: boolean): void {
    for (const button of this.#choices.querySelectorAll("button")) button.disabled = !on;
  }
}

function fact(name: string, value: string | undefined, exact = false): HTMLElement[] {
  return value ? [el("dt", {}, name), el("dd", {}, exact ? el("code", {}, value) : value)] : [];
}

/** As a shell would need it, so that one sees where a word ends. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word));
