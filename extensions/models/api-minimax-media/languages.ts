/** By the tag, the server's name for a language: https://platform.minimax.io/docs/api-reference/speech-t2a-http */
const NAMES: { readonly [tag: string]: string } = {
  ...{ zh: "Chinese", yue: "Chinese,Yue", en: "English", ar: "Arabic", ru: "Russian", es: "Spanish", fr: "French", pt: "Portuguese" },
  ...{ de: "German", tr: "Turkish", nl: "Dutch", uk: "Ukrainian", vi: "Vietnamese", id: "Indonesian", ja: "Japanese", it: "Italian" },
  ...{ ko: "Korean", th: "Thai", pl: "Polish", ro: "Romanian", el: "Greek", cs: "Czech", fi: "Finnish", hi: "Hindi", bg: "Bulgarian" },
  ...{ da: "Danish", he: "Hebrew", ms: "Malay", fa: "Persian", sk: "Slovak", sv: "Swedish", hr: "Croatian", fil: "Filipino" },
  ...{ hu: "Hungarian", no: "Norwegian", nb: "Norwegian", sl: "Slovenian", ca: "Catalan", nn: "Nynorsk", ta: "Tamil", af: "Afrikaans" },
};

const plain = (tag: string): string => tag.split("-")[0]!.toLowerCase();

/** undefined: it has no name for it. */
export const languageName = (tag: string): string | undefined => (Object.hasOwn(NAMES, plain(tag)) ? NAMES[plain(tag)] : undefined);

/** The language of a voice whose id begins with the name of one, such as `English_Graceful_Lady`. */
export function languageOf(voice: string): string | undefined {
  if (voice.startsWith("Cantonese")) return "yue";
  return Object.entries(NAMES).find(([, name]) => new RegExp(`^${name}(_| \\()`).test(voice))?.[0];
}
