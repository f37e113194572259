import type { Bridge, LogLine } from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { Bucket } from "./bucket.ts";

const LEVELS = new Set<unknown>(["debug", "info", "warn", "error"]);
const LINES = { perSecond: 200, burst: 300 };
const BYTES = { perSecond: 65_536, burst: 262_144 };
/** Notes that nobody reads cost the host time as well: whoever sends this many a second means no log. */
const NOTES = { perSecond: 10_000, burst: 50_000 };
const TELL_MS = 1_000;

/** What a guest writes into the host's log: so many lines and bytes a second; what is above is counted and told once a second. */
export class GuestLog {
  readonly #owner: string;
  readonly #write: Bridge["log"];
  readonly #lines = new Bucket(LINES.perSecond, LINES.burst);
  readonly #bytes = new Bucket(BYTES.perSecond, BYTES.burst);
  readonly #notes = new Bucket(NOTES.perSecond, NOTES.burst);
  #dropped = 0;
  #telling: NodeJS.Timeout | null = null;

  constructor(owner: string, write: Bridge["log"]) {
    this.#owner = owner;
    this.#write = write;
  }

  /** False = that is no line. @throws PLINTH_QUOTA when it is flooded with notes. */
  note(params: Record<string, unknown>): boolean {
    if (!this.#notes.take(1)) {
      throw new PlinthError("PLINTH_QUOTA", `${this.#owner} sent more than ${NOTES.perSecond.toLocaleString("en")} notes a second.`, {
        extension: this.#owner,
        next: "Report it to its author.",
      });
    }
    const { level, message, fields } = params;
    if (!LEVELS.has(level)) return false;
    const text = String(message);
    const data = fields === null || typeof fields !== "object" ? undefined : (fields as Record<string, unknown>);
    if (!this.#lines.take(1) || !this.#bytes.take(text.length + (data === undefined ? 0 : JSON.stringify(data).length))) this.#drop();
    else this.#write(level as LogLine, text, data);
    return true;
  }

  close(): void {
    if (this.#telling !== null) clearTimeout(this.#telling);
    this.#tell();
  }

  #drop(): void {
    this.#dropped++;
    this.#telling ??= setTimeout(() => this.#tell(), TELL_MS).unref();
  }

  #tell(): void {
    this.#telling = null;
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#write("warn", `${dropped.toLocaleString("en")} log lines were dropped: it writes too many`, undefined);
  }
}
