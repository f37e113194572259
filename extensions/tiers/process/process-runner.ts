import { dirname } from "node:path";
import { PlinthError } from "@plinth/sdk";
import {
  type Found,
  folders,
  found,
  GuestCalls,
  GuestRequests,
  HostTime,
  holdFolders,
  makesMounts,
  ownUser,
  quieted,
  releaseFolders,
  requireWall,
  userEnded,
} from "@plinth/sdk/tiers";
import type { CallInfo, Runner, RunnerInput } from "@plinth/sdk/wire";
import { exited, GuestProcess } from "./guest-process.ts";

const START_MS = 15_000;
const STOP_MS = 2_000;

/** An extension in a process of its own: the system's wall, Node's permission flags, no environment, no descriptor but the frames'. */
export class ProcessRunner implements Runner {
  readonly ended: Promise<Error>;
  readonly #input: RunnerInput;
  readonly #requests: GuestRequests;
  readonly #time = new HostTime();
  readonly #tools: () => Promise<Found>;
  #guest: GuestProcess | null = null;
  #calls: GuestCalls | null = null;
  #onEnded!: (error: Error) => void;
  #stopping = false;

  constructor(input: RunnerInput, tools: () => Promise<Found> = found) {
    this.#input = input;
    this.#tools = tools;
    this.#requests = new GuestRequests(input, this.#time);
    this.ended = new Promise((resolve) => {
      this.#onEnded = resolve;
    });
  }

  async start(): Promise<void> {
    const { manifest, info } = this.#input;
    const [tools, source] = await Promise.all([this.#tools(), this.#input.source()]);
    await requireWall(this.#input, tools);
    const guest = await this.#launch(tools);
    this.#guest = guest;
    this.#calls = new GuestCalls({
      peer: guest.peer,
      requests: this.#requests,
      enter: (entry) => guest.watch?.enter(entry) ?? { leave() {} },
      stuck: () => guest.end("it did not react any more"),
    });
    void guest.peer.closed.then((error) => {
      this.#requests.close();
      if (!this.#stopping) setImmediate(() => this.#onEnded(error));
    });
    const visit = guest.watch?.enter("start");
    await guest.peer.call("start", { ...info, source }, { deadlineMs: START_MS }, AbortSignal.timeout(START_MS)).catch((thrown: PlinthError) => {
      this.#stopping = true;
      guest.kill();
      throw thrown.code === "PLINTH_ABORTED" ? late(manifest.id) : thrown;
    });
    visit?.leave();
  }

  async #launch(tools: Found): Promise<GuestProcess> {
    const { manifest, info, workspace } = this.#input;
    const user = await ownUser(manifest.id, info.dataDir);
    const held = await holdFolders(manifest.id, dirname(workspace), folders(this.#input), user, makesMounts(tools));
    try {
      const guest = new GuestProcess(this.#input, tools, { user, folders: held }, quieted(this.#requests), this.#time);
      void guest.closed.then(() => userEnded(user));
      return guest;
    } finally {
      // The process has its own by now.
      releaseFolders(held);
    }
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown {
    return this.#started().invoke(contract, id, method, input, call);
  }

  stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    return this.#started().stream(contract, id, method, input, call);
  }

  hook(name: string, payload: unknown, call: CallInfo): unknown {
    return this.#started().hook(name, payload, call);
  }

  configure(config: Record<string, unknown>): void {
    this.#guest?.peer.note("config", config);
  }

  usage(): ReturnType<NonNullable<Runner["usage"]>> {
    const { cpuMs = 0, memoryBytes = 0, pid = null } = this.#guest?.watch?.usage() ?? {};
    return { cpuMs, memoryBytes, pid, hostMs: this.#time.spentMs };
  }

  async stop(reason: Error): Promise<void> {
    this.#stopping = true;
    const guest = this.#guest;
    if (guest === null || guest.over) return;
    await guest.peer.call("stop", { reason: reason.message }, {}, AbortSignal.timeout(STOP_MS)).catch(() => {});
    guest.end("stopped");
    await guest.closed;
  }

  #started(): GuestCalls {
    if (this.#calls === null) throw exited(this.#input.manifest.id, "not started");
    return this.#calls;
  }
}

const late = (extension: string): PlinthError =>
  new PlinthError("PLINTH_DEADLINE", `${extension} did not start within ${START_MS / 1000} s.`, {
    extension,
    next: "Report it to the author of the extension.",
  });
