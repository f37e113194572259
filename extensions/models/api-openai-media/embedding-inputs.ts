import type { EmbeddingModel, EmbeddingRequest } from "@plinth/sdk";
import { type PurposeServer, type Unsupported, wellFormed } from "@plinth/sdk/kits/model-api";

/** Characters of one request; a server counts its tokens together. */
const CHARACTERS = 200_000;
const MOST = 128;
/** Bytes of one answer: it is parsed in one go. */
const ANSWER = 1_048_576;
/** Of one number, as JSON has it, and as base64. */
const DECIMAL = 22;
const ENCODED = 16 / 3;
const USUAL_WIDTH = 1_536;
const USUAL_TOKENS = 8_192;

/** The text of each input. */
export function inputsOf({ inputs }: EmbeddingRequest, unsupported: Unsupported): string[] {
  return inputs.map((parts) => {
    const texts: string[] = [];
    for (const part of parts) {
      if (part.type === "text") texts.push(wellFormed(part.text));
      else unsupported.leave("inputs", `a part of ${part.type}`);
    }
    // No server takes nothing.
    return texts.join("\n") || " ";
  });
}

/** As many at once as the server takes, and as are parsed in a moment. */
export function* batchesOf(texts: readonly string[], { quirks }: PurposeServer<EmbeddingModel>, width = USUAL_WIDTH): Generator<string[]> {
  const small = Math.floor(ANSWER / (width * (quirks.base64 === true ? ENCODED : DECIMAL)));
  const most = Math.max(1, Math.min(small, numberOf(quirks.batch) ?? MOST));
  const room = numberOf(quirks.batchCharacters) ?? CHARACTERS;
  let batch: string[] = [];
  let length = 0;
  for (const text of texts) {
    if (batch.length > 0 && (batch.length >= most || length + text.length > room)) {
      yield batch;
      [batch, length] = [[], 0];
    }
    batch.push(text);
    length += text.length;
  }
  yield batch;
}

/** Texts that were too long, shorter: at first by what English takes for a token, then by half again and again. */
export function shortened(texts: readonly string[], tokens = USUAL_TOKENS, times: number): string[] {
  const most = Math.max(16, Math.floor((tokens * 4) / 2 ** times));
  return texts.map((text) => (text.length > most ? wellFormed(text.slice(0, most)) : text));
}

const numberOf = (value: unknown): number | undefined => (typeof value === "number" && value >= 1 ? Math.floor(value) : undefined);
