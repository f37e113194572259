/** So many within a minute and the connection is over. One that is well made sends none. */
const MAX_STRIKES = 8;
const WINDOW_MS = 60_000;
/** What may still be under way at one time. */
const MOST_LATE = 16_384;

/**
 * How the other side keeps to the protocol. An answer may cross the cancel that made it needless, and a credit the end of its
 * stream: so many of them as there were occasions. What is above that, and whatever names an id that was never given, means
 * nothing, and a few of those are a breach.
 */
export class Conduct {
  #answers = 0;
  #signals = 0;
  #strikes = 0;
  #since = 0;

  /** So many answers may still come to what is not waited for any more. */
  mayAnswer(count: number): void {
    this.#answers = Math.min(this.#answers + count, MOST_LATE);
  }

  /** So many credits and cancels may still come for what is over. */
  maySignal(count: number): void {
    this.#signals = Math.min(this.#signals + count, MOST_LATE);
  }

  /** An answer that nobody waits for. @param given whether its call was ever made. */
  answered(given: boolean): void {
    if (given && this.#answers > 0) this.#answers--;
    else this.strike(given ? "a second answer to a call" : "an answer to a call that nobody made");
  }

  /** A credit or a cancel for nothing that is served now. @param given whether it was ever asked for. */
  signalled(given: boolean): void {
    if (given && this.#signals > 0) this.#signals--;
    else this.strike(given ? "a signal for a call that is over" : "a signal for a call that was never made");
  }

  /** @throws TypeError when there were too many. */
  strike(what: string): void {
    const now = Date.now();
    if (now - this.#since > WINDOW_MS) [this.#since, this.#strikes] = [now, 0];
    if (++this.#strikes >= MAX_STRIKES) throw new TypeError(`it sent ${MAX_STRIKES} messages that mean nothing, the last of them ${what}`);
  }
}
