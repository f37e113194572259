import { PlinthError } from "../../extension/errors.ts";
import type { ModelEvent, ModelRequest } from "../../extension/index.ts";

/** What of a request cannot be sent: refused at once, or left out with a warning each, as the request wants it. */
export class Unsupported {
  readonly warnings: Extract<ModelEvent, { type: "warning" }>[] = [];
  readonly #title: string;
  readonly #drop: boolean;

  constructor(title: string, { onUnsupported = "refuse" }: Pick<ModelRequest, "onUnsupported">) {
    this.#title = title;
    this.#drop = onUnsupported === "drop";
  }

  /** @param param the request's field, such as `seed` or `messages`. */
  leave(param: string, what: string): void {
    const message = `${this.#title} cannot take ${what}`;
    if (!this.#drop) {
      throw new PlinthError("PLINTH_MODEL_UNSUPPORTED", `${message}.`, {
        next: "Leave it out, or use another model.",
        details: { param, retryable: false },
      });
    }
    if (this.warnings.some((one) => one.message === `${message}; it was left out.`)) return;
    this.warnings.push({ type: "warning", code: "PLINTH_MODEL_UNSUPPORTED", message: `${message}; it was left out.`, param });
  }
}
