import type { FetchResponse } from "../../extension/index.ts";
import { googleDetails } from "./google-rpc.ts";
import { boundedWait, retryWaitMs, waitInWords } from "./retry-wait.ts";

const MAX_BODY = 64 * 1024;
const MAX_MESSAGE = 500;

/** What a server said when it refused. */
export interface Refusal {
  status: number;
  /** Its explanation as text, from the shapes that are in use. */
  said: string;
  /** Its own codes, in one line of lower case. */
  hint: string;
  /** The field that it complains about. */
  param: string | undefined;
  retryAfterMs: number | undefined;
  requestId: string | undefined;
}

export async function refusalOf(response: FetchResponse): Promise<Refusal> {
  const { headers, status } = response;
  const { said, hint, param, retryAfterMs } = explained(await boundedText(response));
  // Amazon says the kind of error in a header.
  const kind = headers["x-amzn-errortype"]?.split(":")[0]?.toLowerCase() ?? "";
  return {
    status,
    said,
    hint: `${kind} ${hint}`.trim(),
    param,
    retryAfterMs: retryWaitMs(headers, status, Date.now()) ?? retryAfterMs,
    requestId: (headers["x-request-id"] ?? headers["request-id"] ?? headers["x-amzn-requestid"] ?? headers["x-fal-request-id"])?.slice(0, 128),
  };
}

type Explained = Pick<Refusal, "said" | "hint" | "param" | "retryAfterMs">;

/** A body's text, codes and field, from the shapes of OpenAI, Anthropic, Google, Amazon, FastAPI, and those that differ from each. */
export function explained(body: string): Explained {
  const value = parsed(body);
  const error =
    objectOf(value?.error) ??
    objectOf(value?.errors?.[0]) ??
    objectOf(value?.Response?.Error) ??
    objectOf(value?.base_resp) ??
    objectOf(value?.detail) ??
    objectOf(value);
  const { fields, text: problems } = pydantic(value?.detail ?? error?.detail);
  const texts = [
    error?.message,
    error?.msg,
    error?.Message,
    error?.status_msg,
    error?.err_msg,
    error?.error,
    value?.error,
    value?.message,
    value?.Message,
    value?.error_msg,
    value?.detail,
  ];
  const found = [...texts, problems, value].find((one) => typeof one === "string" && one !== "");
  // What a server behind a gateway said, or what exactly is wrong.
  const more = [error?.metadata?.raw, error?.details, nodesOf(value?.node_errors)].filter(
    (one) => typeof one === "string" && one !== "" && one !== found,
  );
  const said = [found, ...more].filter((one) => one !== undefined).join(" ");
  const line = said.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  const google = googleDetails(error?.details);
  const param = typeof error?.param === "string" ? error.param : (fields[0] ?? google.param);
  return {
    said: line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line,
    hint: codesOf(value, error, google.hint),
    param: param?.slice(0, 128),
    retryAfterMs: boundedWait(google.retryAfterMs) ?? secondsIn(error) ?? waitInWords(line),
  };
}

/** Where a limit of a subscription is used up: when it begins anew. */
const secondsIn = (error: Record<string, any> | undefined): number | undefined =>
  typeof error?.resets_in_seconds === "number" && error.resets_in_seconds >= 0 ? boundedWait(error.resets_in_seconds * 1_000) : undefined;

function parsed(body: string): any {
  try {
    const value: unknown = JSON.parse(body);
    return Array.isArray(value) ? value[0] : value;
  } catch {
    // Bytes of something packed, say, read as text.
    if (body.includes("\uFFFD")) return "something that is no text";
    return /^\s*</.test(body) ? "(a web page)" : body;
  }
}

const objectOf = (value: any): Record<string, any> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;

/** ComfyUI: what is wrong with which node of a workflow. */
function nodesOf(errors: unknown): string | undefined {
  const nodes = Object.values(objectOf(errors) ?? {}).slice(0, 8) as any[];
  const lines = nodes.flatMap((node) =>
    (Array.isArray(node?.errors) ? node.errors.slice(0, 8) : []).map((one: any) =>
      [node.class_type, one?.message, one?.details].filter((text) => typeof text === "string" && text !== "").join(": "),
    ),
  );
  return lines.length === 0 ? undefined : lines.join("; ");
}

function codesOf(value: any, error: Record<string, any> | undefined, google: string): string {
  const codes = [
    error?.code,
    error?.type,
    error?.status,
    error?.Code,
    error?.__type,
    error?.innererror?.code,
    error?.status_code,
    error?.error_type,
    value?.code,
    value?.__type,
    value?.error_code,
    value?.error_type,
    error?.err_code,
    error?.category,
    error?.details?.error_code,
    Array.isArray(value?.detail) ? value.detail[0]?.type : undefined,
    google,
  ];
  const said = codes.filter((one) => (typeof one === "string" && one !== "") || typeof one === "number").map(String);
  return [...new Set(said)].join(" ").slice(0, 300).toLowerCase();
}

/** FastAPI's 422: `detail` is a list of `{loc, msg, type}`. */
function pydantic(detail: unknown): { fields: string[]; text: string } {
  const rows = Array.isArray(detail) ? (detail.slice(0, 8) as any[]) : [];
  const places = rows.map((row) => (Array.isArray(row?.loc) ? row.loc.filter((one: unknown) => one !== "body").join(".") : ""));
  const text = rows.map((row, at) => [places[at], row?.msg].filter((one) => typeof one === "string" && one !== "").join(": ")).join("; ");
  return { fields: places.filter((place) => place !== ""), text };
}

async function boundedText(response: FetchResponse): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length >= MAX_BODY) break;
    }
  } catch {
    // Half an explanation is better than none: the status alone decides what happens next.
  }
  return text.slice(0, MAX_BODY);
}
