/** The text with each of the words covered, in any case. */
export function blotOut(text: string, words: readonly string[]): string {
  return words.reduce((left, word) => left.replaceAll(new RegExp(RegExp.escape(word), "giu"), (found) => "█".repeat(found.length)), text);
}
