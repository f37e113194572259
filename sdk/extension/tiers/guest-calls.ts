import type { CallInfo, Peer, WorkData } from "../wire.ts";
import type { Entry, Visit } from "./visit.ts";

/** What stands behind a guest's calls. */
export interface GuestLine {
  readonly peer: Peer;
  /** Work goes in, and comes back when the result is called. */
  readonly requests: { enter(work: WorkData | undefined): () => void };
  /** Something goes in; the result is told when it has come back. */
  enter(entry: Entry): Visit;
  /** It does not answer: whatever runs in there must be ended from outside. */
  stuck(): void;
}

const PING_MS = 2_000;

/** Calls into a guest over its peer. Each carries its work, and one that misses its deadline asks whether the guest still reacts. */
export class GuestCalls {
  readonly #line: GuestLine;
  #probing = false;

  constructor(line: GuestLine) {
    this.#line = line;
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): Promise<unknown> {
    return this.#ask("invoke", { contract, id, method, input, caller: call.caller, work: workData(call.work) }, call);
  }

  hook(name: string, payload: unknown, call: CallInfo): Promise<unknown> {
    return this.#ask("hook", { name, payload, caller: call.caller, work: workData(call.work) }, call);
  }

  async *stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    const { peer, requests } = this.#line;
    const params = { contract, id, method, input, caller: call.caller, work: workData(call.work) };
    const back = requests.enter(call.work);
    const visit = this.#line.enter("stream");
    try {
      for await (const item of peer.open("invoke", params, metaOf(call), call.signal)) {
        visit.again?.();
        yield item;
      }
    } catch (thrown) {
      this.#probe(thrown);
      throw thrown;
    } finally {
      back();
      visit.leave();
    }
  }

  #ask(method: string, params: unknown, call: CallInfo): Promise<unknown> {
    const { peer, requests } = this.#line;
    const back = requests.enter(call.work);
    const visit = this.#line.enter("call");
    return peer.call(method, params, metaOf(call), call.aborts ?? call.signal).then(
      (value) => {
        back();
        visit.leave();
        return value;
      },
      (thrown: unknown) => {
        back();
        visit.leave();
        this.#probe(thrown);
        throw thrown;
      },
    );
  }

  /** A missed deadline may be a loop that nothing inside can end. */
  #probe(thrown: unknown): void {
    if ((thrown as { code?: unknown }).code !== "PLINTH_DEADLINE" || this.#probing) return;
    this.#probing = true;
    this.#line.peer
      .call("ping", {}, {}, AbortSignal.timeout(PING_MS))
      .catch(() => this.#line.stuck())
      .finally(() => {
        this.#probing = false;
      });
  }
}

const metaOf = ({ work }: CallInfo): { work?: string } => (work === undefined ? {} : { work: work.id });
const workData = (work: WorkData | undefined): WorkData | null =>
  work === undefined ? null : { id: work.id, principal: work.principal, generation: work.generation, influences: work.influences };
