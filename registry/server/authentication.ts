import type { IncomingMessage } from "node:http";
import { errorData } from "@plinth/manifests/wire/error.ts";
import type { Subject } from "./authority.ts";
import { refuse } from "./problem.ts";
import { Limited, type RateLimits } from "./rate-limits.ts";
import { idOf, type Tokens } from "./tokens.ts";

/**
 * Who asks. A token that is right is let in whatever else comes from its address: what fails is counted by itself, and
 * only what fails again is told to wait. One that has ended is counted by itself: whoever uses it on takes nothing from
 * others.
 */
export class Authentication {
  readonly #tokens: Tokens;
  readonly #limits: RateLimits;

  constructor(tokens: Tokens, limits: RateLimits) {
    this.#tokens = tokens;
    this.#limits = limits;
  }

  /** @throws PLINTH_UNAUTHENTICATED, PLINTH_TOKEN_EXPIRED, PLINTH_TOKEN_REVOKED; Limited after too many of these. */
  async subjectOf(request: IncomingMessage, address: string, optional: boolean): Promise<Subject | undefined> {
    const header = request.headers.authorization;
    if (header === undefined) {
      if (optional) return undefined;
      throw refuse.noToken();
    }
    const [, bearer = ""] = /^Bearer ([\w-]{1,200})$/i.exec(header) ?? [];
    try {
      return await this.#tokens.check(bearer);
    } catch (error) {
      const { code } = errorData(error);
      const ended = code === "PLINTH_TOKEN_REVOKED" || code === "PLINTH_TOKEN_EXPIRED";
      if (!ended && code !== "PLINTH_UNAUTHENTICATED") throw error;
      const verdict = this.#limits.take("wrong-token", ended ? idOf(bearer)! : address, false);
      throw verdict.allowed ? error : new Limited("wrong-token", verdict.reset);
    }
  }
}
