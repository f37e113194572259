/** What is said in one voice. */
export interface Spoken {
  readonly text: string;
  readonly voice: string;
}

export interface Manner {
  /** 1 is the voice's own. */
  readonly speed?: number | undefined;
  /** A tag such as `de-DE`, in which a voice of several languages speaks. */
  readonly language?: string | undefined;
  /** Such as `cheerful`, of voices that have styles. */
  readonly style?: string | undefined;
  /** The text is SSML already. */
  readonly marked: boolean;
}

/** Where a voice's name does not say a language. */
const USUAL = "en-US";
const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;" };

/** Text as XML 1.0 can have it: what it cannot say at all is a space. */
export const xmlText = (text: string): string =>
  text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, " ").replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** `de-DE` of `de-DE-KatjaNeural`. */
export const localeOf = (voice: string): string => /^[a-z]{2,3}(-[A-Za-z]{2,8})+?(?=-[^-]+$)/.exec(voice)?.[0] ?? USUAL;

/** A whole document, as https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-structure has it. */
export function ssmlOf(all: readonly Spoken[], manner: Manner): string {
  const [first] = all;
  if (manner.marked && all.length === 1 && /^\s*(<\?xml[^>]*\?>\s*)?<speak[\s>]/.test(first!.text)) return first!.text;
  const names = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:mstts="https://www.w3.org/2001/mstts"';
  const body = all.map(({ text, voice }) => `<voice name="${xmlText(voice)}">${within(text, voice, manner)}</voice>`).join("");
  return `<speak version="1.0" ${names} xml:lang="${xmlText(manner.language ?? localeOf(first!.voice))}">${body}</speak>`;
}

function within(text: string, voice: string, { speed, language, style, marked }: Manner): string {
  let said = marked ? text : xmlText(text);
  if (speed !== undefined && speed !== 1) said = `<prosody rate="${percent(speed)}">${said}</prosody>`;
  if (language !== undefined && localeOf(voice) !== language) said = `<lang xml:lang="${xmlText(language)}">${said}</lang>`;
  return style === undefined ? said : `<mstts:express-as style="${xmlText(style)}">${said}</mstts:express-as>`;
}

/** More or less than the voice's own, such as `+30.00%`. */
const percent = (speed: number): string => `${speed < 1 ? "" : "+"}${((speed - 1) * 100).toFixed(2)}%`;
