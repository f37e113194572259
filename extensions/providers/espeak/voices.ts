import type { Voice } from "@plinth/sdk";

/** Titles and tags come from files of the system; what is passed on as an argument is one of these, and nothing that could be an option. */
const TAG = /^[a-z][a-z0-9-]{1,34}$/i;

/** What `espeak-ng --voices` prints: priority, language, age and gender, name, file. One voice for each language. */
export function voicesIn(listed: string): Voice[] {
  const voices = new Map<string, Voice>();
  for (const line of listed.split("\n").slice(1)) {
    const [, language = "", about = "", name = ""] = line.trim().split(/\s+/);
    if (!TAG.test(language) || voices.has(language)) continue;
    const gender = { M: "male", F: "female" }[about.at(-1) ?? ""];
    voices.set(language, {
      id: language,
      title: name.replaceAll("_", " ").slice(0, 200),
      languages: [language],
      ...(gender === undefined ? {} : { labels: { gender } }),
    });
  }
  return [...voices.values()];
}

/** The voice of a language: itself, or the one that is nearest, such as `en-gb` for `en`. */
export function voiceFor(language: string, voices: readonly Voice[]): string | undefined {
  const tag = language.toLowerCase();
  const base = tag.split("-")[0]!;
  const ids = voices.map(({ id }) => id);
  return [tag, base].find((one) => ids.includes(one)) ?? ids.find((id) => id.toLowerCase().startsWith(`${base}-`));
}
