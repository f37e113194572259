import { PlinthError } from "@plinth/sdk";
import { GuestRequests } from "@plinth/sdk/tiers";
import { type CallInfo, Peer, type Runner, type RunnerInput, type WorkData } from "@plinth/sdk/wire";
import { type IsolateHost, addonPath as requireAddon } from "./isolate-host.ts";
import type { IsolateHosts } from "./isolate-hosts.ts";

const START_MS = 15_000;
const STOP_MS = 2_000;
const PING_MS = 2_000;

/** An extension in an isolate of its publisher's process. */
export class IsolateRunner implements Runner {
  readonly ended: Promise<Error>;
  readonly #input: RunnerInput;
  readonly #hosts: IsolateHosts;
  readonly #requests: GuestRequests;
  #host: IsolateHost | null = null;
  #peer: Peer | null = null;
  #onEnded!: (error: Error) => void;
  #stopping = false;

  constructor(input: RunnerInput, hosts: IsolateHosts) {
    this.#input = input;
    this.#hosts = hosts;
    this.#requests = new GuestRequests(input);
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  async start(): Promise<void> {
    const { manifest, info } = this.#input;
    requireAddon();
    const source = await this.#input.source();
    // The id's first part names the publisher.
    const host = this.#hosts.take(manifest.id.split(".")[0] as string);
    this.#host = host;
    const limits = this.#hosts.limits;
    let opened = false;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        reject(failed("PLINTH_DEADLINE", manifest.id, `it did not start within ${START_MS / 1000} s`));
        host.kill("an isolate in it did not start");
      }, START_MS);
      const { transport } = host.open(source, manifest.budgets?.heapMb ?? limits.heapMb, manifest.budgets?.cpuMsPerCall ?? limits.turnMs, {
        receiver: null,
        opened: () => {
          opened = true;
          clearTimeout(late);
          resolve();
        },
        ended: (why) => {
          clearTimeout(late);
          const error = opened ? exited(manifest.id, why) : failed("PLINTH_EXTENSION_FAILED", manifest.id, why);
          reject(error);
          this.#end(error);
        },
      });
      this.#peer = new Peer(transport, manifest.id, this.#requests);
    }).catch((thrown: PlinthError) => {
      this.#end(thrown);
      throw thrown;
    });
    try {
      await this.#connected().call("start", { ...info }, {}, AbortSignal.timeout(START_MS));
    } catch (thrown) {
      this.#stopping = true;
      this.#end(thrown as PlinthError);
      throw (thrown as PlinthError).code === "PLINTH_ABORTED"
        ? failed("PLINTH_DEADLINE", manifest.id, `it did not start within ${START_MS / 1000} s`)
        : thrown;
    }
    // A connection that breaks the protocol is the end of the isolate.
    void this.#connected().closed.then((error) => this.#end(error));
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown {
    return this.#enter(call, (meta) =>
      this.#connected().call("invoke", { contract, id, method, input, caller: call.caller, work: workData(call.work) }, meta, call.signal),
    );
  }

  stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    const enter = (): (() => void) => this.#requests.enter(call.work);
    const probe = (thrown: unknown): void => this.#probe(thrown);
    const peer = this.#connected();
    const params = { contract, id, method, input, caller: call.caller, work: workData(call.work) };
    return (async function* () {
      const leave = enter();
      try {
        yield* peer.open("invoke", params, { work: call.work?.id }, call.signal);
      } catch (thrown) {
        probe(thrown);
        throw thrown;
      } finally {
        leave();
      }
    })();
  }

  hook(name: string, payload: unknown, call: CallInfo): unknown {
    return this.#enter(call, (meta) =>
      this.#connected().call("hook", { name, payload, caller: call.caller, work: workData(call.work) }, meta, call.signal),
    );
  }

  configure(config: Record<string, unknown>): void {
    this.#peer?.note("config", config);
  }

  async stop(reason: Error): Promise<void> {
    this.#stopping = true;
    await this.#peer?.call("stop", { reason: reason.message }, {}, AbortSignal.timeout(STOP_MS)).catch(() => {});
    this.#end(exited(this.#input.manifest.id, reason.message));
    if (this.#host?.over) await this.#host.ended;
  }

  async #enter(call: CallInfo, run: (meta: { work?: string }) => Promise<unknown>): Promise<unknown> {
    const leave = this.#requests.enter(call.work);
    try {
      return await run(call.work === undefined ? {} : { work: call.work.id });
    } catch (thrown) {
      this.#probe(thrown);
      throw thrown;
    } finally {
      leave();
    }
  }

  /** A missed deadline may be something that nothing inside can end. An isolate that does not answer ends with its process. */
  #probe(thrown: unknown): void {
    if ((thrown as { code?: unknown }).code !== "PLINTH_DEADLINE" || this.#stopping) return;
    this.#peer?.call("ping", {}, {}, AbortSignal.timeout(PING_MS)).catch(() => this.#host?.kill("it did not react any more"));
  }

  #connected(): Peer {
    if (this.#peer === null) throw exited(this.#input.manifest.id, "not started");
    return this.#peer;
  }

  #end(error: PlinthError): void {
    this.#peer?.close(error);
    this.#requests.close();
    if (!this.#stopping) this.#onEnded(error);
  }
}

const workData = (work: WorkData | undefined): unknown =>
  work === undefined ? null : { id: work.id, principal: work.principal, generation: work.generation };

const exited = (extension: string, how: string): PlinthError =>
  new PlinthError("PLINTH_EXTENSION_EXITED", `The isolate of ${extension} ended (${how}).`, {
    extension,
    next: "It is started again at its next use; `plinth status` says why it ended.",
    details: { retryable: true },
  });

const failed = (code: string, extension: string, why: string): PlinthError =>
  new PlinthError(code, `${extension} cannot be used: ${why}.`, { extension, next: "Report it to its author." });
