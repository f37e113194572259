import { isPlinthError, type VideoModel } from "@plinth/sdk";
import { failure, noJob, type PurposeCall, type PurposeServer, refused } from "@plinth/sdk/kits/model-api";

/** https://github.com/googleapis/googleapis/blob/master/google/longrunning/operations.proto */
export interface Operation {
  readonly name?: unknown;
  readonly done?: unknown;
  readonly error?: unknown;
  readonly response?: any;
}

/** What such a name is made of, and nothing that leads elsewhere. */
const NAME = /^(projects\/[\w.:-]+\/locations\/[\w-]+\/)?(publishers\/google\/)?models\/([\w.-]+)\/operations\/([\w-]+)$/;
const LOOK_MS = 30_000;
/** An operation with a film in it. */
const MOST_ANSWER = 192 * 1_048_576;

/** Codes of https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto, as statuses. */
const STATUS: { readonly [code: number]: number } = { 3: 400, 5: 404, 7: 403, 8: 429, 9: 400, 13: 500, 14: 503, 16: 401 };

/** The name of work that has begun. */
export function nameOf(answer: unknown, { title }: PurposeServer<VideoModel>): string {
  const { name } = (answer ?? {}) as Operation;
  if (typeof name === "string" && name.length <= 2_048 && NAME.test(name)) return name;
  throw failure("STREAM", `${title} began something without a name.`, { details: { retryable: false } });
}

/**
 * How it stands.
 *
 * @throws PLINTH_MODEL_JOB where there is no such work, and the coded error of work that failed
 */
export async function operationOf({ exchange, server }: PurposeCall<VideoModel>, name: string): Promise<Operation> {
  const [, , , model] = NAME.exec(name) ?? [];
  if (model === undefined) throw noJob(server.title);
  const accept = { accept: "application/json", ...server.endpoint.headers };
  const bounds = { timeoutMs: LOOK_MS, maxBytes: MOST_ANSWER };
  const asked =
    server.quirks.vertex === true
      ? exchange.ask(server.url(`/models/${model}:fetchPredictOperation`), {
          ...{ method: "POST", headers: { "content-type": "application/json", ...accept }, ...bounds },
          body: JSON.stringify({ operationName: name }),
        })
      : exchange.ask(server.url(`/${name}`), { headers: accept, ...bounds });
  const response = await asked.catch((thrown) => {
    throw isGone(thrown) ? noJob(server.title) : thrown;
  });
  const operation = (await exchange.read(response)) as Operation | null;
  if (typeof operation !== "object" || operation === null) throw failure("STREAM", `${server.title} does not say how it stands.`);
  if (operation.error !== undefined && operation.error !== null) throw failedOf(operation.error, server.title);
  return operation;
}

/** It never was, or is not kept any more. */
const isGone = (thrown: unknown): boolean => isPlinthError(thrown) && (thrown.details as { status?: unknown } | undefined)?.status === 404;

function failedOf(error: any, title: string): Error {
  const said = typeof error?.message === "string" ? error.message.slice(0, 500) : "it gave no reason";
  const status = STATUS[Number(error?.code)] ?? 500;
  const hint = `${error?.status ?? ""}`.toLowerCase().slice(0, 100);
  return refused(title, { status, said, hint, param: undefined, retryAfterMs: undefined, requestId: undefined });
}
