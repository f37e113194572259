import { isPlinthError, type VideoModel } from "@plinth/sdk";
import { failure, isAmount, type JobState, kindOf, noJob, type PurposeCall } from "@plinth/sdk/kits/model-api";
import { answerOf, refusal } from "./answer.ts";

type Call = PurposeCall<VideoModel>;

/** A task that is done: where its film is, or by which id that is asked. */
export interface Done {
  readonly address?: string;
  readonly file?: string;
  readonly seconds?: number;
}

/** A task's handle: which version of the interface knows it, and its id there. */
const HANDLE = /^v([12])\/([\w-]{1,128})$/;
const LOOK_MS = 30_000;
const MOST_ANSWER = 1_048_576;
/** The code for what is wrong in a request; of a look, that is its id. */
const INVALID = 2_013;

export const handleOf = (second: boolean, id: string): string => `v${second ? 2 : 1}/${id}`;

/** The address of the server's second interface is beside that of the first. */
export const secondUrl = ({ server }: Call, path: string): string => `${server.endpoint.baseUrl.replace(/\/v1$/, "/v2")}${path}`;

/** @throws PLINTH_MODEL_STREAM where it is no id */
export function idOf(answer: any, title: string): string {
  const id = typeof answer?.task_id === "number" ? String(answer.task_id) : answer?.task_id;
  if (typeof id === "string" && HANDLE.test(handleOf(false, id))) return id;
  throw failure("STREAM", `${title} began something without a name.`, { details: { retryable: false } });
}

/**
 * How it stands.
 *
 * @throws PLINTH_MODEL_JOB where there is no such task, and the coded error of one that failed
 */
export async function stateOf(call: Call, job: string): Promise<JobState<Done>> {
  const { server } = call;
  const [, version, id = ""] = HANDLE.exec(job) ?? [];
  if (version === undefined) throw noJob(server.title);
  const url = version === "1" ? server.url(`/query/video_generation?task_id=${id}`) : secondUrl(call, `/query/video_generation/${id}`);
  const answer = await look(call, url).catch((thrown) => {
    throw isGone(thrown) ? noJob(server.title) : thrown;
  });
  return version === "1" ? first(answer, server.title) : second(answer?.task, server.title);
}

/** End it, where it has not begun; one that is done would be forgotten. @returns whether it was ended */
export async function ended(call: Call, job: string): Promise<boolean> {
  const state = await stateOf(call, job);
  const [, version, id = ""] = HANDLE.exec(job)!;
  if (version === "1" || "done" in state || state.state !== "queued") return false;
  return dropped(call, id);
}

/** https://platform.minimax.io/docs/api-reference/video-generation-v2-delete: what runs already is not ended. */
export async function dropped(call: Call, id: string): Promise<boolean> {
  const exchange = call.lasting();
  const options = {
    method: "DELETE",
    headers: { accept: "application/json", ...call.server.endpoint.headers },
    timeoutMs: LOOK_MS,
    maxBytes: MOST_ANSWER,
  };
  try {
    const answer = await answerOf(exchange, await exchange.ask(secondUrl(call, `/video_generation/${id}`), options), call.server.title);
    return answer?.action === undefined || answer.action === "cancelled";
  } catch (thrown) {
    if (isPlinthError(thrown) && ["PLINTH_MODEL_REQUEST", "PLINTH_MODEL_UNKNOWN"].includes(thrown.code)) return false;
    throw thrown;
  }
}

/** Where the film of a task of the first interface is. */
export async function fileAddress(call: Call, file: string): Promise<string> {
  const { server } = call;
  const answer = await look(call, server.url(`/files/retrieve?file_id=${encodeURIComponent(file)}`));
  const address = answer?.file?.download_url;
  if (typeof address === "string" && address !== "") return address;
  throw failure("STREAM", `${server.title} does not say where its film is.`, { details: { retryable: false } });
}

async function look({ exchange, server }: Call, url: string): Promise<any> {
  const headers = { accept: "application/json", ...server.endpoint.headers };
  return answerOf(exchange, await exchange.ask(url, { headers, timeoutMs: LOOK_MS, maxBytes: MOST_ANSWER }), server.title);
}

function isGone(thrown: unknown): boolean {
  if (!isPlinthError(thrown)) return false;
  const { status, vendorCode } = (thrown.details ?? {}) as { status?: unknown; vendorCode?: unknown };
  return status === 404 || vendorCode === INVALID || (status === 400 && /invalid task_id/i.test(thrown.message));
}

/** https://platform.minimax.io/docs/api-reference/video-generation-query */
function first(answer: any, title: string): JobState<Done> {
  const { status, file_id: file } = answer ?? {};
  if (/^(preparing|queueing)$/i.test(status)) return { state: "queued" };
  if (/^fail(ed)?$/i.test(status)) throw refusal(title, Number.NaN, answer.error_message ?? "the work failed");
  if (!/^success$/i.test(status)) return { state: "running" };
  if (typeof file !== "string" && typeof file !== "number") throw failure("STREAM", `${title} made no film.`, { details: { retryable: false } });
  return { done: { file: String(file) } };
}

/** https://platform.minimax.io/docs/api-reference/video-generation-v2-query */
function second(task: any, title: string): JobState<Done> {
  const { status, content, error, usage } = task ?? {};
  if (status === "queued") return { state: "queued" };
  if (status === "cancelled" || status === "expired")
    throw failure("JOB", `${title} says that this work is ${status}.`, { details: { retryable: false } });
  if (status === "failed") throw failed(error, title);
  if (status !== "succeeded") return { state: "running" };
  if (typeof content?.url !== "string") throw failure("STREAM", `${title} made no film.`, { details: { retryable: false } });
  const seconds = usage?.output_seconds;
  return { done: { address: content.url, ...(isAmount(seconds) ? { seconds } : {}) } };
}

function failed(error: any, title: string): Error {
  const [code, said] = [Number(error?.code), typeof error?.message === "string" ? error.message.slice(0, 500) : "it gave no reason"];
  if (Number.isInteger(code)) return refusal(title, code, said);
  const kind = kindOf({ status: 500, said, hint: "" });
  // What is said of rules is a matter of the request, whoever's fault the rest is.
  return failure(kindOf({ status: 400, said, hint: "" }) === "FILTER" ? "FILTER" : kind, `${title} could not finish the work: ${said}`);
}
