import { isPlinthError } from "@plinth/sdk";
import { beginJob, type Exchange, type FailureKind, failure, isAmount, type JobState, noJob, type PurposeCall } from "@plinth/sdk/kits/model-api";

const ID = /^[\w-]{8,64}$/;
const ASK_MS = 50_000;

export interface Made {
  readonly output: readonly string[];
  readonly credits?: number;
}
export type Outcome = Made | "cancelled" | { readonly failed: Error };

/** What is still to be done: only that can be cancelled, anything else would be deleted. */
const OPEN = ["PENDING", "THROTTLED", "RUNNING"];

/** The tasks of https://docs.dev.runwayml.com/api: begun, looked at and cancelled. */
export class Tasks {
  readonly #call: PurposeCall<any>;
  #seen = false;

  constructor(call: PurposeCall<any>) {
    this.#call = call;
  }

  /** @returns its handle */
  begin(path: string, input: object): Promise<string> {
    const { server, signal } = this.#call;
    const body = JSON.stringify(input);
    const lasting = this.#call.lasting();
    this.#seen = true;
    const begin = async () => {
      const answer: any = await lasting.json(server.url(path), server.endpoint.headers, body, ASK_MS);
      if (typeof answer?.id === "string" && ID.test(answer.id)) return answer.id as string;
      throw failure("STREAM", `${server.title} took the work and gave it no name.`, { details: { retryable: false } });
    };
    return beginJob(begin, (id) => this.#end(id, lasting), signal);
  }

  /** @throws PLINTH_MODEL_JOB where it is not there */
  async look(id: string): Promise<JobState<Outcome>> {
    const { server, exchange } = this.#call;
    let task: any;
    try {
      task = await this.#task(id, exchange);
    } catch (thrown) {
      // A task that was cancelled can be gone at once.
      if (this.#seen && isPlinthError(thrown) && thrown.code === "PLINTH_MODEL_JOB") return { done: "cancelled" };
      throw thrown;
    }
    this.#seen = true;
    switch (task?.status) {
      case "PENDING":
      case "THROTTLED":
        return { state: "queued" };
      case "RUNNING": {
        const share = task.progress;
        return { state: "running", ...(typeof share === "number" && share >= 0 && share <= 1 ? { percent: Math.round(share * 100) } : {}) };
      }
      case "CANCELLED":
        return { done: "cancelled" };
      case "FAILED":
        return { done: { failed: failed(server.title, task) } };
      case "SUCCEEDED": {
        const output = Array.isArray(task.output) ? task.output.filter((one: unknown) => typeof one === "string").slice(0, 16) : [];
        const credits = task.cost?.credits;
        return { done: { output, ...(isAmount(credits) ? { credits } : {}) } };
      }
    }
    throw failure("STREAM", `${server.title} does not say how the work stands.`, { details: { retryable: false } });
  }

  /** Whether it was still to be done. */
  cancel(id: string): Promise<boolean> {
    return this.#end(id, this.#call.exchange);
  }

  async #end(id: string, exchange: Exchange): Promise<boolean> {
    const { server } = this.#call;
    if (!OPEN.includes((await this.#task(id, exchange))?.status)) return false;
    await exchange.ask(server.url(`/tasks/${id}`), { method: "DELETE", headers: server.endpoint.headers, timeoutMs: 15_000 });
    return true;
  }

  /** Handles come back from anybody: one is a name below the server's address, and nothing else. */
  async #task(id: string, exchange: Exchange): Promise<any> {
    const { server } = this.#call;
    if (!ID.test(id)) throw noJob(server.title);
    try {
      return await exchange.json(server.url(`/tasks/${id}`), server.endpoint.headers);
    } catch (thrown) {
      const status = isPlinthError(thrown) ? (thrown.details as { status?: unknown } | undefined)?.status : undefined;
      throw status === 404 ? noJob(server.title) : thrown;
    }
  }
}

/** https://docs.dev.runwayml.com/errors/task-failures */
const KINDS: readonly (readonly [RegExp, FailureKind])[] = [
  [/^SAFETY\b/, "FILTER"],
  [/^(ASSET|INPUT_PREPROCESSING)\b/, "REQUEST"],
];

function failed(title: string, { failure: said, failureCode: code }: { failure?: unknown; failureCode?: unknown }): Error {
  const kind = KINDS.find(([pattern]) => pattern.test(String(code)))?.[1] ?? "SERVER";
  const words = [said, code].filter((one) => typeof one === "string" && one !== "").join(" ");
  return failure(kind, `${title} could not do it: ${words.slice(0, 500) || "it gave no reason."}`);
}
