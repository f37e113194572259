import { sha } from "../digest.ts";
import { errors } from "../errors.ts";
import type { Room } from "../strangers/room.ts";
import { CHECK_MS, roomFor } from "../strangers/rooms.ts";
import { PlinthError } from "../wire/error.ts";

export interface SchemaProblem {
  path: string;
  message: string;
}

const MAX_SCHEMA = 256 * 1024;
const MAX_VALUE = 4 * 1_048_576;
const MAX_DEPTH = 32;
/** How long a schema that hung is refused unseen, and how many of them are remembered. */
const REFUSED_MS = 600_000;
const MAX_REFUSED = 256;
const LATE_MS = 60_000;
const LATE = `checking a value took more than ${CHECK_MS} ms`;
const FORBIDDEN = ["$dynamicRef", "$dynamicAnchor", "$recursiveRef"];

/**
 * Schemas from third parties are hostile input: bounded in size and depth, without dynamic references, compiled and run
 * in the room for checks, which ends one that takes too long (a pattern that backtracks, a schema that explodes). What
 * hung once is refused unseen for a while, and so is whoever brought it.
 */
export class SchemaGuard {
  readonly #room: Room;
  readonly #closed = new AbortController();
  /** Schemas that hung, by their hash, with the time until which they are refused. */
  readonly #refused = new Map<string, number>();
  /** Who brought one that hung, and until when nothing more is checked for them. */
  readonly #late = new Map<string, number>();
  /** Ends what waits with a schema or for an owner that hung. */
  readonly #waiting = new Set<{ schema: string; owner: string; ends: AbortController }>();

  constructor(room: Room = roomFor("checks")) {
    this.#room = room;
  }

  /**
   * [] = the value fits. Rejects with PLINTH_SCHEMA when the schema itself is not usable, with PLINTH_QUOTA when too many
   * checks of the same owner wait.
   */
  async validate(schema: unknown, value: unknown, owner = "host"): Promise<SchemaProblem[]> {
    inspect(schema, 0);
    const schemaText = JSON.stringify(schema) ?? "true";
    const valueText = JSON.stringify(value) ?? "null";
    if (schemaText.length > MAX_SCHEMA) throw unusable(`it is larger than ${MAX_SCHEMA / 1024} KiB`);
    if (valueText.length > MAX_VALUE) return [{ path: "", message: `is larger than ${MAX_VALUE / 1_048_576} MiB` }];
    if (this.#isRefused(schemaText)) throw unusable(`${LATE} not long ago`);
    if ((this.#late.get(owner) ?? 0) > Date.now()) throw errors.quota(owner, "schema checks, one of which took too long a minute ago");
    if (this.#closed.signal.aborted) throw this.#closed.signal.reason;
    const waiting = { schema: schemaText, owner, ends: new AbortController() };
    this.#waiting.add(waiting);
    try {
      const input = { schema: schemaText, value: valueText };
      return await this.#room.run<SchemaProblem[]>({ task: "schema", input, owner, about: `A schema of ${owner}`, signal: waiting.ends.signal });
    } catch (thrown) {
      throw this.#told(thrown as PlinthError, waiting);
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(unusable("the checker was stopped"));
    for (const { ends } of this.#waiting) ends.abort(this.#closed.signal.reason);
  }

  #told(thrown: PlinthError, waiting: { schema: string; owner: string; ends: AbortController }): unknown {
    if (waiting.ends.signal.aborted) return thrown;
    if (thrown.code === "PLINTH_DATA_BUSY") return errors.quota(waiting.owner, "schema checks that wait");
    if (thrown.code !== "PLINTH_DATA_TIME") return unusable(thrown.message.replace(/\.$/, ""));
    this.#waiting.delete(waiting);
    this.#refuse(waiting);
    return unusable(LATE);
  }

  #refuse({ schema, owner: culprit }: { schema: string; owner: string }): void {
    // The product checks in others' names: not its doing.
    const isTheirs = culprit !== "host" && !culprit.startsWith("plinth.");
    if (isTheirs) this.#late.set(culprit, Date.now() + LATE_MS);
    if (this.#refused.size >= MAX_REFUSED) this.#refused.delete(this.#refused.keys().next().value as string);
    this.#refused.set(sha("sha256", schema), Date.now() + REFUSED_MS);
    for (const { schema: other, owner, ends } of this.#waiting) {
      if (other === schema || (isTheirs && owner === culprit)) ends.abort(unusable(LATE));
    }
  }

  #isRefused(schema: string): boolean {
    if (this.#refused.size === 0) return false;
    const hash = sha("sha256", schema);
    const until = this.#refused.get(hash);
    if (until !== undefined && until <= Date.now()) this.#refused.delete(hash);
    return this.#refused.has(hash);
  }
}

function inspect(schema: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw unusable(`it is nested deeper than ${MAX_DEPTH}`);
  if (schema === null || typeof schema !== "object") return;
  for (const [key, value] of Object.entries(schema)) {
    if (FORBIDDEN.includes(key)) throw unusable(`it uses ${key}`);
    if (key === "$ref" && (typeof value !== "string" || !value.startsWith("#"))) throw unusable("it refers to something outside itself");
    inspect(value, depth + 1);
  }
}

const unusable = (why: string): PlinthError =>
  new PlinthError("PLINTH_SCHEMA", `The schema is not usable: ${why}.`, { next: "Correct the schema in the manifest." });
