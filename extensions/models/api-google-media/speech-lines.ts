import type { SpeechRequest } from "@plinth/sdk";
import { cutToSay, wellFormed } from "@plinth/sdk/kits/model-api";

/** What is asked for at once: of one voice, or a conversation of two. */
export interface Talk {
  readonly parts: readonly { readonly text: string; readonly speaker?: string }[];
  readonly speechConfig: object;
}

/** So many voices speak in one request. */
const VOICES = 2;
/** Of one request: its answer is some minutes of sound. */
const CHARACTERS = 8_000;

interface Said {
  text: string;
  voice: string;
}

/** Lines in as few requests as their voices and lengths allow. @param usual whose voice speaks where a line names none */
export function talksOf({ lines }: Pick<SpeechRequest, "lines">, usual: string, most = CHARACTERS): Talk[] {
  const talks: Said[][] = [];
  let length = 0;
  for (const { text, voice = usual } of lines) {
    for (const piece of cutToSay(wellFormed(text), most)) {
      if (piece === "") continue;
      const last = talks.at(-1);
      const fits = last !== undefined && length + piece.length <= most && new Set([...last.map((one) => one.voice), voice]).size <= VOICES;
      if (!fits) length = 0;
      length += piece.length;
      if (fits) last.push({ text: piece, voice });
      else talks.push([{ text: piece, voice }]);
    }
  }
  return talks.map(talkOf);
}

const prebuilt = (voice: string) => ({ prebuiltVoiceConfig: { voiceName: voice } });

function talkOf(said: readonly Said[]): Talk {
  const voices = [...new Set(said.map(({ voice }) => voice))];
  if (voices.length === 1) return { parts: said.map(({ text }) => ({ text })), speechConfig: { voiceConfig: voiceOf(voices[0]!) } };
  const name = (voice: string) => `Speaker ${voices.indexOf(voice) + 1}`;
  return {
    parts: said.map(({ text, voice }) => ({ text, speaker: name(voice) })),
    speechConfig: {
      multiSpeakerVoiceConfig: { speakerVoiceConfigs: voices.map((voice) => ({ speaker: name(voice), voiceConfig: prebuilt(voice) })) },
    },
  };
}

/** A voice that somebody made has an id, and no name among the others. */
const voiceOf = (voice: string) => (/^voice(key)?_/.test(voice) ? { voice } : prebuilt(voice));
