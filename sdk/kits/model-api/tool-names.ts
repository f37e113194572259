/** The names of tools as a server takes them, and back: most take letters, digits, `_` and `-` only, and ours may have dots. */
export class ToolNames {
  /** The tool's name by the name that was sent. */
  readonly sent = new Map<string, string>();
  readonly #known = new Map<string, string>();
  readonly #longest: number;

  constructor(names: readonly string[], longest = 60) {
    this.#longest = longest;
    // Names that need no change first, so that nothing else takes them.
    for (const name of names) if (/^[A-Za-z0-9_-]+$/.test(name) && name.length <= longest) this.wire(name);
    for (const name of names) this.wire(name);
  }

  wire(name: string): string {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const base = name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, this.#longest) || "tool";
    let candidate = base;
    for (let n = 2; this.sent.has(candidate); n++) candidate = `${base}_${n}`;
    this.sent.set(candidate, name);
    this.#known.set(name, candidate);
    return candidate;
  }
}
