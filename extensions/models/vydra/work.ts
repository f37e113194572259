import type { Context } from "@plinth/sdk";
import { failure, followJob, type JobProgress, type JobState, type Medium, noJob, type PurposeCall } from "@plinth/sdk/kits/model-api";

type Call = PurposeCall<{ id: string; takes?: string[] }>;

/** Where what it made lies. */
export const HOSTS = ["*.vydra.ai"];
const ASK_MS = 115_000;
const MINUTE = 60_000;

/** What is there at once, or work that goes on. */
export type Begun = { readonly url: string } | { readonly job: string };

/** `POST /models/{model}`, as https://vydra.ai/skill.md has it. */
export async function begin(call: Call, body: object, medium: Medium): Promise<Begun> {
  const { server, exchange } = call;
  const path = server.model.split("/").map(encodeURIComponent).join("/");
  const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
  const options = { method: "POST", headers, body: JSON.stringify(body), timeoutMs: ASK_MS };
  const answer: any = await exchange.read(await exchange.ask(server.url(`/models/${path}`), options));
  const url = urlIn(answer, medium);
  if (url !== undefined) return { url };
  if (typeof answer?.jobId === "string" && isJob(answer.jobId)) return { job: answer.jobId };
  throw failure("STREAM", `${server.title} answered with neither something made nor the name of work.`, { details: { retryable: false } });
}

/** Look at work until it is done. @returns where what it made lies; undefined: it was cancelled */
export function follow(ctx: Context, call: Call, job: string, medium: Medium): AsyncGenerator<JobProgress, string | undefined> {
  const { server, signal } = call;
  const { title } = server;
  if (!isJob(job)) throw noJob(title);
  const mostMs = medium === "image" ? 10 * MINUTE : 30 * MINUTE;
  return followJob(() => look(call, job, medium), { clock: ctx.clock, signal, title, mostMs });
}

async function look(call: Call, job: string, medium: Medium): Promise<JobState<string | undefined>> {
  const { server } = call;
  const answer: any = await call.exchange.json(server.url(`/jobs/${job}`), server.endpoint.headers).catch((thrown) => {
    throw (thrown as { details?: { status?: number } }).details?.status === 404 ? noJob(server.title) : thrown;
  });
  const url = urlIn(answer, medium);
  if (url !== undefined) return { done: url };
  const said = typeof answer?.status === "string" ? answer.status.toLowerCase() : "";
  if (said === "cancelled") return { done: undefined };
  if (said === "failed" || said === "error") {
    const why = [answer.error?.message, answer.error, answer.message].find((one) => typeof one === "string");
    throw failure("SERVER", `${server.title} could not make it${why === undefined ? "" : `: ${why.slice(0, 500)}`}.`, {
      details: { retryable: false },
    });
  }
  if (said === "completed") throw failure("STREAM", `${server.title} made nothing.`, { details: { retryable: false } });
  return { state: said === "queued" || said === "pending" ? "queued" : "running" };
}

function urlIn(answer: any, medium: Medium): string | undefined {
  const url: unknown = answer?.[`${medium}Url`];
  return typeof url === "string" && url !== "" ? url : undefined;
}

const isJob = (job: string): boolean => /^[\w-]{1,128}$/.test(job);
