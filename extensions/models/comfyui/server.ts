import { isPlinthError } from "@plinth/sdk";
import { beginJob, type Exchange, failure, form, type JobState, noJob } from "@plinth/sdk/kits/model-api";

export const TITLE = "ComfyUI";
const ID = /^[\w-]{8,64}$/;
const ASK_MS = 20_000;
const MEBIBYTE = 1_048_576;

interface File {
  readonly filename: string;
  readonly subfolder: string;
  readonly type: string;
}
export type Outcome = { readonly files: readonly File[] } | "cancelled" | { readonly failed: Error };

/** A server as https://docs.comfy.org/development/comfyui-server/comms_routes has it: work is queued, looked for, fetched and ended. */
export class ComfyServer {
  readonly #url: string;
  readonly #exchange: Exchange;
  /** Whoever asked may be gone. */
  readonly #lasting: Exchange;
  #seen = false;

  constructor(url: string, exchange: Exchange, lasting: Exchange) {
    this.#url = url.replace(/\/+$/, "");
    this.#exchange = exchange;
    this.#lasting = lasting;
  }

  /** Throws where it is away. */
  async version(): Promise<string> {
    const answer: any = await this.#exchange.json(`${this.#url}/system_stats`, {}, undefined, 1_500);
    return String(answer?.system?.comfyui_version ?? "");
  }

  /** @returns how a node that loads files calls it */
  async upload(bytes: Uint8Array<ArrayBuffer>, part: { mimeType: string }): Promise<string> {
    const { body, type } = await form({ type: "input", subfolder: "plinth" }, [{ field: "image", bytes, part }]);
    const answer: any = await this.#exchange.json(`${this.#url}/upload/image`, { "content-type": type }, body, 60_000);
    if (typeof answer?.name !== "string") throw failure("STREAM", `${TITLE} took a file and gave it no name.`);
    return answer.subfolder ? `${answer.subfolder}/${answer.name}` : answer.name;
  }

  /** @returns its handle */
  queue(graph: object, signal: AbortSignal): Promise<string> {
    this.#seen = true;
    const begin = async () => {
      const answer: any = await this.#lasting.json(`${this.#url}/prompt`, {}, JSON.stringify({ prompt: graph }), ASK_MS);
      if (typeof answer?.prompt_id === "string" && ID.test(answer.prompt_id)) return answer.prompt_id as string;
      throw failure("STREAM", `${TITLE} took the work and gave it no name.`, { details: { retryable: false } });
    };
    return beginJob(begin, (id) => this.#end(id, this.#lasting), signal);
  }

  /** @throws PLINTH_MODEL_JOB where it is not there */
  async look(id: string): Promise<JobState<Outcome>> {
    const done = await this.#done(id);
    if (done !== undefined) return { done };
    const place = await this.#place(id, this.#exchange);
    if (place !== undefined) {
      this.#seen = true;
      return place === 0 ? { state: "running" } : { state: "queued", place };
    }
    // It may have ended between the two looks; what is taken from the queue leaves nothing behind.
    const ended = await this.#done(id);
    if (ended !== undefined) return { done: ended };
    if (this.#seen) return { done: "cancelled" };
    throw noJob(TITLE);
  }

  cancel(id: string): Promise<boolean> {
    return this.#end(id, this.#exchange);
  }

  /** Where a file that was made lies. */
  address({ filename, subfolder, type }: File): string {
    return `${this.#url}/view?${new URLSearchParams({ filename, subfolder, type })}`;
  }

  async #done(id: string): Promise<Outcome | undefined> {
    if (!ID.test(id)) throw noJob(TITLE);
    const answer: any = await this.#exchange.json(`${this.#url}/history/${id}`, {}, undefined, ASK_MS);
    const entry = answer !== null && typeof answer === "object" && Object.hasOwn(answer, id) ? answer[id] : undefined;
    if (entry === undefined) return undefined;
    const messages: any[] = Array.isArray(entry?.status?.messages) ? entry.status.messages : [];
    const said = (name: string) => messages.find((one) => Array.isArray(one) && one[0] === name)?.[1];
    if (said("execution_interrupted") !== undefined) return "cancelled";
    const error = said("execution_error");
    if (error !== undefined || entry?.status?.status_str === "error") return { failed: broken(error) };
    return { files: filesIn(entry?.outputs) };
  }

  /** 0: it runs. Otherwise how many come before it, and itself. undefined: it is not there. */
  async #place(id: string, exchange: Exchange): Promise<number | undefined> {
    const answer: any = await exchange.json(`${this.#url}/queue`, {}, undefined, ASK_MS);
    const rows = (value: unknown): any[] => (Array.isArray(value) ? value : []);
    if (rows(answer?.queue_running).some((row) => row?.[1] === id)) return 0;
    const pending = rows(answer?.queue_pending).sort((a, b) => Number(a?.[0]) - Number(b?.[0]));
    const at = pending.findIndex((row) => row?.[1] === id);
    return at < 0 ? undefined : at + 1;
  }

  async #end(id: string, exchange: Exchange): Promise<boolean> {
    if (!ID.test(id)) throw noJob(TITLE);
    const place = await this.#place(id, exchange);
    if (place === undefined) {
      if ((await this.#done(id)) === undefined) throw noJob(TITLE);
      return false;
    }
    // A server that does not know whose work is meant ends what runs, which is this.
    const [path, body] = place === 0 ? ["/interrupt", { prompt_id: id }] : ["/queue", { delete: [id] }];
    const headers = { "content-type": "application/json" };
    await exchange.ask(`${this.#url}${path}`, { method: "POST", headers, body: JSON.stringify(body), timeoutMs: ASK_MS, maxBytes: MEBIBYTE });
    return true;
  }
}

/** A node failed: what it said is what helps. */
function broken(error: any): Error {
  const what = [error?.node_type, error?.exception_message].filter((one) => typeof one === "string" && one !== "").join(": ");
  const memory = /OutOfMemory/.test(String(error?.exception_type));
  return failure(memory ? "OVERLOADED" : "SERVER", `${TITLE} could not run the workflow${what === "" ? "." : `: ${what.trim().slice(0, 500)}`}`, {
    next: memory ? "Ask for something smaller, or free the server's memory." : "Run the workflow on ComfyUI's own page to see what it lacks.",
    details: { retryable: memory },
  });
}

/** What nodes saved; of what they only show, nothing, unless they saved nothing. */
function filesIn(outputs: unknown): File[] {
  const all: File[] = [];
  for (const lists of Object.values((outputs ?? {}) as Record<string, unknown>)) {
    for (const rows of Object.values((lists ?? {}) as Record<string, unknown>)) {
      for (const row of Array.isArray(rows) ? rows : [])
        if (typeof row?.filename === "string")
          all.push({ filename: row.filename, subfolder: String(row.subfolder ?? ""), type: String(row.type ?? "output") });
    }
  }
  const saved = all.filter(({ type }) => type === "output");
  return (saved.length > 0 ? saved : all).slice(0, 64);
}

export const isAway = (thrown: unknown): boolean => isPlinthError(thrown) && thrown.code === "PLINTH_MODEL_NETWORK";
