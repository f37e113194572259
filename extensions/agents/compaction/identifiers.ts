/** So much of one text is looked at, at its beginning and its end, and so many are found in it. */
const HEAD_CHARS = 9_000;
const TAIL_CHARS = 3_000;
const MOST = 200;
/** What goes on for longer without a space is none. */
const RUN = /\S{240,}/gu;
const LONGEST = 200;

/** What has to be kept letter by letter: what can be looked up, called or counted. Each has a bound, so that none takes long. */
const KINDS = [
  /https?:\/\/[^\s<>"'`)\]}]{1,200}/giu,
  /[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}/gu,
  /`[^`\n]{1,120}`/gu,
  /(?<![\w/])(?:~|\.{1,2}|[A-Za-z]:)?[\\/][\w@%+=:,.~\\/-]{2,200}/gu,
  /(?<![\w./])[\w-]{2,80}(?:\/[\w.-]{1,80}){1,12}/gu,
  /(?<![\w./])[\w-]{2,80}\.[a-z][a-z0-9]{1,5}(?!\w)/gu,
  /(?<![\p{L}\p{N}_])[\p{Sc}#]?[\p{L}_-]{0,40}\p{N}[\p{L}\p{N}_.,:/%-]{0,80}\p{Sc}?/gu,
  /(?<!\w)[a-z]{1,40}[A-Z]\w{1,80}/gu,
  /(?<!\w)[A-Z][a-z]{1,40}[A-Z]\w{0,80}/gu,
  /(?<!\w)\w{1,60}_\w{1,60}/gu,
  /(?<!\w)[A-Z]{2,12}(?:-\w{1,20})?(?!\w)/gu,
  // A name: a capital in the middle of a sentence.
  /(?<=[\p{Ll}\p{N},;:"“„'’)]\s["“„'(]?)\p{Lu}[\p{L}\p{M}’'-]{1,40}(?:\s\p{Lu}[\p{L}\p{M}’'-]{1,40}){0,3}/gu,
] as const;

/** Words that begin with a capital wherever they stand. */
const COMMON = new Set(["I", "I'm", "I've", "I'll", "I'd", "OK", "Ok", "The", "It", "This", "That", "Yes", "No", "Please", "Thanks"]);

/** Names, paths, addresses and numbers in a text, in their order, each once. */
export function identifiersIn(text: string): string[] {
  const ends = text.length <= HEAD_CHARS + TAIL_CHARS ? text : `${text.slice(0, HEAD_CHARS)}\n${text.slice(-TAIL_CHARS)}`;
  const looked = ends.replace(RUN, (run) => `${run.slice(0, LONGEST)} `);
  const found = new Map<string, number>();
  for (const kind of KINDS) {
    for (const match of looked.matchAll(kind)) {
      const one = match[0]
        .replaceAll("`", "")
        .replace(/[.,;:!?]+$/u, "")
        .trim();
      if (found.size >= MOST) break;
      if (one.length > 0 && one.length <= LONGEST && !COMMON.has(one) && !found.has(one)) found.set(one, match.index);
    }
  }
  const all = [...found].sort((a, b) => a[1] - b[1] || b[0].length - a[0].length).map(([one]) => one);
  // What is a part of another one is there with it.
  return all.filter((one) => !all.some((other) => other.length > one.length && other.includes(one)));
}
