import { crc32, deflateSync } from "node:zlib";
import { openaiError } from "./openai-error.ts";
import type { PlainAnswer, PlainRequest } from "./plain-server.ts";

const FIELDS = {
  "gpt-image-1": ["size", "quality", "background", "output_format", "output_compression", "moderation", "n", "image", "image[]", "mask"],
  "dall-e-3": ["size", "quality", "style", "response_format", "n"],
} as const;

/** https://platform.openai.com/docs/api-reference/images. A picture of one pixel for each that is wanted. */
export function imagesAnswer({ body, path }: PlainRequest): PlainAnswer {
  const { model, prompt, n = 1, ...rest } = body ?? {};
  const known: readonly string[] | undefined = Object.hasOwn(FIELDS, model) ? FIELDS[model as keyof typeof FIELDS] : undefined;
  if (known === undefined) return openaiError(400, `Invalid value: '${model}'.`, "model", "invalid_model");
  if (typeof prompt !== "string" || prompt === "")
    return openaiError(400, "Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter");
  const other = Object.keys(rest).find((name) => !known.includes(name));
  if (other !== undefined) return openaiError(400, `Unknown parameter: '${other}'.`, other, "unknown_parameter");
  const count = Number(n);
  if (model === "dall-e-3" && count > 1) return openaiError(400, "You must provide n=1 for this model.", "n", null);
  if (prompt.includes("forbidden")) return openaiError(400, "Your request was rejected by the safety system.", null, "moderation_blocked");
  if (path.includes("/edits") && [rest.image, rest["image[]"]].flat().every((one) => one?.bytes === undefined))
    return openaiError(400, "Missing required parameter: 'image'.", "image", "missing_required_parameter");
  const data = Array.from({ length: count }, (_, at) => ({
    b64_json: greyPixel(at).toString("base64"),
    ...(model === "dall-e-3" ? { revised_prompt: `A picture: ${prompt}` } : {}),
  }));
  const usage = model === "dall-e-3" ? {} : { usage: { input_tokens: 12, output_tokens: 272 * count, total_tokens: 12 + 272 * count } };
  return { body: { created: 1, data, ...usage } };
}

/** A picture of one grey pixel. */
export function greyPixel(shade = 0): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const body = Buffer.concat([Buffer.from(type), data]);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const head = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.from([0, shade % 256]))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
