import type { Fates } from "../fates.ts";
import { type Fields, integer, invalid, parseBody, readCommon, unread } from "../fields.ts";

export interface EmbeddingsRequest {
  readonly model: string;
  readonly inputs: string[];
  readonly dimensions?: number;
  /** Numbers as text, or the vector's bytes as they are. */
  readonly base64: boolean;
  readonly ignored: string[];
}

const USED: Fates = { model: true, input: true, dimensions: true, encoding_format: true, user: true };

/** As many as OpenAI takes at once. */
const MOST = 2_048;

export function readEmbeddingsRequest(body: string): EmbeddingsRequest {
  const request = parseBody(body);
  const { encoding_format: format = "float" } = request;
  if (format !== "float" && format !== "base64") throw invalid("`encoding_format` must be float or base64.", "encoding_format");
  return {
    model: readCommon(request).model,
    inputs: readInput(request),
    ...integer(request, "dimensions", "dimensions", 1),
    base64: format === "base64",
    ignored: unread(request, USED),
  };
}

function readInput({ input }: Fields): string[] {
  const inputs: unknown[] = Array.isArray(input) ? input : [input];
  if (inputs.some((one) => typeof one === "number" || Array.isArray(one)))
    throw invalid("`input` holds tokens. Models of other makers have other tokens: send texts.", "input", "unsupported_parameter");
  if (inputs.length === 0 || inputs.length > MOST || !inputs.every((one) => typeof one === "string" && one !== ""))
    throw invalid(`\`input\` must be a text, or a list of at most ${MOST} texts, none of them empty.`, "input");
  return inputs as string[];
}
