import { openaiResponsesWire } from "./openai-responses.ts";
import type { AskedRequest, Wire } from "./script.ts";
import { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";

const CLAIM = "https://api.openai.com/auth";
/** What the program never sends, and the server refuses. */
const REFUSED = ["max_output_tokens", "temperature", "top_p", "metadata", "previous_response_id"];

let tokens = 0;

/** An access token in the form of ChatGPT's: a JWT that names its account and when it ends. Nobody signed it. */
export function codexToken({ account = "acc-1", seconds = 3_600 }: { account?: string; seconds?: number } = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1_000) + seconds;
  return `${part({ alg: "none" })}.${part({ exp, jti: `${++tokens}`, [CLAIM]: { chatgpt_account_id: account, chatgpt_plan_type: "plus" } })}.unsigned`;
}

/**
 * The server of models that the open-source program codex asks with a ChatGPT sign-in (https://github.com/openai/codex), as that
 * program speaks to it: `POST …/responses` with the account of the token in a header, instructions, nothing kept, and none of the
 * fields that the program does not send; `GET …/models` for a version of a client.
 */
export function codexServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const wire: Wire = {
    ...openaiResponsesWire,
    refusal: (request) => (request.method === "POST" ? refusalOf(request) : undefined),
    other: (request, models) =>
      request.method === "GET" && /\/models\?client_version=\d/.test(request.path)
        ? { models: models.map((slug) => ({ slug, display_name: slug, context_window: 272_000, visibility: "list" })) }
        : undefined,
  };
  return modelServer(wire, options);
}

function refusalOf({ headers, body }: AskedRequest): { status: number; body: object } | undefined {
  const token = headers.authorization?.replace("Bearer ", "") ?? "";
  const detail = (status: number, text: string) => ({ status, body: { detail: text } });
  const claims = token.split(".")[1];
  if (claims === undefined) return detail(401, "Unauthorized");
  const account = JSON.parse(Buffer.from(claims, "base64url").toString())[CLAIM]?.chatgpt_account_id;
  if (headers["chatgpt-account-id"] !== account) return detail(401, "Unauthorized");
  if (typeof body?.instructions !== "string" || body.instructions === "") return detail(400, "Instructions are required");
  if (body.store !== false) return detail(400, "Store must be set to false");
  if (body.stream !== true) return detail(400, "Stream must be set to true");
  const field = REFUSED.find((name) => body[name] !== undefined);
  return field === undefined ? undefined : detail(400, `Unsupported parameter: ${field}`);
}
