/** A place of a request that is asked to end a cached beginning. */
export interface CacheMark {
  /** It is in the instructions, which all conversations share. */
  readonly shared: boolean;
}

/**
 * Which marks a request keeps where a server takes `most`, in the same order: the last shared one, and of the others the last
 * ones, because what stands before an earlier one was cached when that was the last.
 */
export function keptMarks<Mark extends CacheMark>(marks: readonly Mark[], most: number): Mark[] {
  const shared = marks.findLast((mark) => mark.shared);
  if (shared === undefined) return marks.slice(-most);
  const last = new Set(marks.filter((mark) => mark !== shared).slice(Math.min(0, 1 - most) || marks.length));
  return marks.filter((mark) => mark === shared || last.has(mark));
}
