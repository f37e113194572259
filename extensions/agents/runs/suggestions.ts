import { visible } from "@plinth/sdk";

export interface Suggestion {
  label: string;
  text: string;
}

const MAX_LABEL = 80;
/** A longer text is nothing that a person reads before a button is pressed. */
const MAX_TEXT = 2_000;
const MAX_AT_ONCE = 32;
const MAX_IN_SESSION = 100;
const MAX_SESSIONS = 500;

/** The product's own words are nobody else's: packages from outside have another publisher. */
export const isThirdParty = (extension: string | undefined): boolean => extension !== undefined && !extension.startsWith("plinth.");

/**
 * What buttons offered, and whose words it is. Sent back, it counts as the words of whoever suggested it, also when a
 * page does not say so or says something else.
 */
export class Suggestions {
  /** By session, the one used last at the end; in each the source by text, newest at the end. */
  readonly #sessions = new Map<string, Map<string, string>>();

  /** The suggestions as they may be shown: what a button shows is what it sends. */
  offer(sessionKey: string, by: string, suggestions: readonly Suggestion[]): Suggestion[] {
    const shown = suggestions.slice(0, MAX_AT_ONCE).flatMap(({ label, text }) => {
      const sent = visible(text, { lines: true, max: MAX_TEXT }).trim();
      return text.length > MAX_TEXT || sent === "" ? [] : [{ label: visible(label, { max: MAX_LABEL }), text: sent }];
    });
    const session = this.#session(sessionKey);
    for (const { text } of shown) {
      // Two that suggest the same: the words stay those of the one who is trusted less.
      const held = session.get(text);
      session.delete(text);
      session.set(text, isThirdParty(held) ? (held as string) : by);
    }
    for (const text of session.keys()) if (session.size > MAX_IN_SESSION) session.delete(text);
    return shown;
  }

  /** Whose words a text is; undefined when nobody suggested it. A claim can only lower it. */
  source(sessionKey: string, text: string, claimed: string | undefined): string | undefined {
    if (isThirdParty(claimed)) return claimed;
    return this.#sessions.get(sessionKey)?.get(text.trim()) ?? claimed;
  }

  #session(key: string): Map<string, string> {
    const session = this.#sessions.get(key) ?? new Map<string, string>();
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    for (const other of this.#sessions.keys()) if (this.#sessions.size > MAX_SESSIONS) this.#sessions.delete(other);
    return session;
  }
}
