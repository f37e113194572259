/** Pieces that are kept of one answer. */
const MOST = 4_096;
/** A piece that begins with so much of what came before it is the whole so far, and no piece. */
const CUMULATIVE = 16;

type Detail = Record<string, unknown>;

/**
 * What a model thought in OpenRouter's form, `reasoning_details`, which streams in pieces: pieces of one kind at one index are one
 * detail, its texts joined. It goes back as it stands here.
 */
export class ReasoningDetails {
  readonly #details: Detail[] = [];

  get list(): Detail[] {
    return this.#details;
  }

  /** Returns the text that is new. */
  add(pieces: readonly unknown[]): string {
    let text = "";
    for (const piece of pieces) {
      if (typeof piece !== "object" || piece === null || Array.isArray(piece)) continue;
      const last = this.#details.at(-1);
      if (last !== undefined && isSame(last, piece as Detail)) {
        text += grow(last, piece as Detail);
      } else if (this.#details.length < MOST) {
        this.#details.push({ ...piece });
        text += said(piece as Detail);
      }
    }
    return text;
  }

  /** What there is, which is then no more. */
  take(): Detail[] {
    return this.#details.splice(0);
  }
}

const said = ({ text, summary }: Detail): string => (typeof text === "string" ? text : typeof summary === "string" ? summary : "");

/** Without an index, details are whole. */
const isSame = (one: Detail, other: Detail): boolean =>
  typeof other.index === "number" &&
  one.index === other.index &&
  one.type === other.type &&
  (other.id == null || one.id == null || one.id === other.id);

function grow(detail: Detail, piece: Detail): string {
  let fresh = "";
  for (const [name, value] of Object.entries(piece)) {
    const before = detail[name];
    const joins = (name === "text" || name === "summary" || name === "data") && typeof before === "string" && typeof value === "string";
    if (!joins) {
      if (value !== null && value !== undefined) detail[name] = value;
      if (typeof value === "string" && (name === "text" || name === "summary")) fresh += value;
      continue;
    }
    const isWhole = before.length >= CUMULATIVE && value.startsWith(before);
    detail[name] = isWhole ? value : before + value;
    if (name !== "data") fresh += isWhole ? value.slice(before.length) : value;
  }
  return fresh;
}
