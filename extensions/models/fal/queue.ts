import { isPlinthError } from "@plinth/sdk";
import { beginJob, type Exchange, failure, fault, isAmount, type JobState, noJob, type PurposeCall } from "@plinth/sdk/kits/model-api";

/** A name of one of its apps, or what is below it. */
const MODEL = /^\w[\w.-]*(\/\w[\w.-]*){1,7}$/;
const HANDLE = /^(\w[\w.-]*(?:\/\w[\w.-]*){1,2}):([\w-]{1,64})$/;
const SUBMIT_MS = 50_000;

/** What a model's server says of work that it has. */
export interface Made {
  readonly result: any;
  /** As it counts what it bills; undefined: it does not say. */
  readonly units?: number;
  /** Of a machine. */
  readonly computeSeconds?: number;
}
export type Outcome = Made | "cancelled" | { readonly failed: unknown };

/** The queue of https://fal.ai/docs/api-reference/inference-api: work is submitted, looked at, fetched and cancelled. */
export class Queue {
  readonly #call: PurposeCall<any>;
  /** Somebody has seen it there. */
  #seen = false;

  constructor(call: PurposeCall<any>) {
    this.#call = call;
  }

  /** @returns its handle @param path the model, or the way that it has for such files */
  submit(path: string, input: object): Promise<string> {
    const { server, signal } = this.#call;
    if (!MODEL.test(path)) throw failure("UNKNOWN", `${server.title} has no model "${path.slice(0, 128)}".`);
    const body = JSON.stringify(input);
    const lasting = this.#call.lasting();
    const begin = async () => {
      const answer: any = await lasting.json(server.url(`/${path}`), server.endpoint.headers, body, SUBMIT_MS);
      const handle = `${appOf(path)}:${answer?.request_id}`;
      if (typeof answer?.request_id === "string" && HANDLE.test(handle)) return handle;
      throw failure("STREAM", `${server.title} took the work and gave it no name.`, { details: { retryable: false } });
    };
    this.#seen = true;
    return beginJob(begin, (handle) => this.#cancelled(handle, lasting), signal);
  }

  /** @throws PLINTH_MODEL_JOB where it is not there */
  async look(handle: string): Promise<JobState<Outcome>> {
    const { exchange, server } = this.#call;
    const at = this.#at(handle);
    let answer: any;
    try {
      answer = await exchange.json(`${at}/status`, server.endpoint.headers);
    } catch (thrown) {
      if (statusOf(thrown) !== 404) throw thrown;
      // What is cancelled while it waits goes from the queue.
      if (this.#seen) return { done: "cancelled" };
      throw noJob(server.title);
    }
    this.#seen = true;
    const { status, queue_position: place, error, error_type: type, metrics } = answer ?? {};
    if (status === "IN_QUEUE") return { state: "queued", ...(Number.isInteger(place) && place >= 0 ? { place } : {}) };
    if (status === "IN_PROGRESS") return { state: "running" };
    if (status !== "COMPLETED") throw failure("STREAM", `${server.title} does not say how the work stands.`, { details: { retryable: false } });
    if (type === "client_cancelled") return { done: "cancelled" };
    const seconds = metrics?.inference_time;
    if (error !== undefined && error !== null) {
      // What went wrong is told in full where the result would be. It stays so, however often one looks.
      const failed = await this.#fetched(at).catch((thrown: unknown) => thrown);
      return { done: { failed: isPlinthError(failed) ? failed : fault(server.title, { message: String(error), code: type }) } };
    }
    const made = await this.#fetched(at);
    return { done: { ...made, ...(isAmount(seconds) ? { computeSeconds: seconds } : {}) } };
  }

  /** Whether it was still to be done. */
  cancel(handle: string): Promise<boolean> {
    return this.#cancelled(handle, this.#call.exchange);
  }

  /** Nobody waits for it any more. */
  leave(handle: string): void {
    this.#cancelled(handle, this.#call.lasting()).catch(() => {});
  }

  async #fetched(at: string): Promise<Made> {
    const { exchange, server } = this.#call;
    const response = await exchange.ask(at, { headers: { accept: "application/json", ...server.endpoint.headers }, timeoutMs: SUBMIT_MS });
    const result = await exchange.read(response);
    const said = response.headers["x-fal-billable-units"];
    return { result, ...(said !== undefined && /^\d{1,12}(\.\d+)?$/.test(said) ? { units: Number(said) } : {}) };
  }

  async #cancelled(handle: string, exchange: Exchange): Promise<boolean> {
    const { server } = this.#call;
    try {
      await exchange.ask(`${this.#at(handle)}/cancel`, { method: "PUT", headers: server.endpoint.headers, timeoutMs: 15_000 });
      return true;
    } catch (thrown) {
      if (statusOf(thrown) === 404) throw noJob(server.title);
      // It is done.
      if (statusOf(thrown) === 400) return false;
      throw thrown;
    }
  }

  /** Handles come back from anybody: their parts are names below the server's address, and nothing else. */
  #at(handle: string): string {
    const [, app, id] = HANDLE.exec(handle) ?? [];
    if (app === undefined || id === undefined) throw noJob(this.#call.server.title);
    return this.#call.server.url(`/${app}/requests/${id}`);
  }
}

/** Work is known by its owner and app, whatever way of the app it came in. */
function appOf(path: string): string {
  const names = path.split("/");
  return names.slice(0, names[0] === "workflows" || names[0] === "comfy" ? 3 : 2).join("/");
}

const statusOf = (thrown: unknown): unknown => (isPlinthError(thrown) ? (thrown.details as { status?: unknown } | undefined)?.status : undefined);
