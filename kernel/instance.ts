import { mkdir } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { Tier } from "@plinth/manifests";
import { replaceValues } from "@plinth/manifests/check/config-values.ts";
import { checkHookPayload, checkPayload } from "@plinth/manifests/check/payloads.ts";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import { isDenial } from "@plinth/manifests/hooks/pipeline.ts";
import type { ContractShape } from "@plinth/manifests/plan/contracts.ts";
import { Breaker } from "@plinth/manifests/wire/breaker.ts";
import type { CallOptions } from "@plinth/manifests/wire/bridge.ts";
import { Budgets } from "@plinth/manifests/wire/budgets.ts";
import { Call, followStream, settle } from "@plinth/manifests/wire/call.ts";
import { inContract, isGuestError, streamInContract } from "@plinth/manifests/wire/guest-errors.ts";
import { Calls, partyOf } from "@plinth/manifests/wire/parties.ts";
import type { Runner, RunnerInput, Usage } from "@plinth/manifests/wire/runner.ts";
import type { Answering, Caller, CapabilityEntry } from "./capability.ts";
import { InstanceContainer } from "./container.ts";
import { errors, owned, type PlinthError } from "./errors.ts";
import type { InstanceInput } from "./instance-input.ts";
import { verifiedSource } from "./tiers/load.ts";
import { currentWork, runWork, Work } from "./work.ts";

const BREAKS = new Set(["PLINTH_DEADLINE", "PLINTH_EXTENSION_EXITED", "PLINTH_PROTOCOL"]);
const START_MS = 20_000;

/**
 * One extension in one tier with one configuration. It starts at its first use; a start in flight is shared, a failed
 * one is a value that the supervisor remembers. Generations share it by its key until none needs it.
 */
export class Instance implements Answering {
  readonly key: string;
  readonly id: string;
  readonly tier: Tier;
  readonly record: CatalogRecord;
  readonly breaker = new Breaker();
  readonly counts = { calls: 0, errors: 0, refused: 0, activations: 0, activateMs: 0, blockedMs: 0, longestBlockMs: 0, egressBytes: 0 };
  readonly #input: InstanceInput;
  #runner: Runner | null = null;
  #starting: Promise<Runner> | null = null;
  readonly #calls = new Calls();
  readonly #budgets: Budgets;
  #quiet: (() => void) | null = null;
  #stopped: PlinthError | null = null;
  #well: NodeJS.Timeout | undefined;
  #unwatchCpu: () => void = () => {};
  #told = 0;
  /** The last failure of a call or hook, for `status`. */
  lastError: PlinthError | null = null;
  /** How many generations hold it. */
  holders = 0;

  constructor(input: InstanceInput) {
    this.#input = input;
    this.key = input.key;
    this.record = input.record;
    this.id = input.record.manifest.id;
    this.tier = input.tier;
    this.#budgets = new Budgets(input.record.manifest, input.record.bundled || input.record.own === true, this.#calls);
  }

  /** Of the product, or put into the host's own process by the operator; others leave their mark on the work they answer. */
  get trusted(): boolean {
    return this.record.bundled || this.tier === "host";
  }

  get active(): boolean {
    return this.#runner !== null;
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  /** What it costs now; null while it does not run, and where it cannot be told apart from the host. */
  get usage(): Usage | null {
    return this.#runner?.usage?.() ?? null;
  }

  /** Remember its last failure; the first is told, and then not each of them. */
  failed(error: PlinthError, where: string): void {
    this.lastError = error;
    if (this.#told++ % 100 === 0) this.#input.onLog("warn", `${where} failed: ${error.code}: ${error.message}`);
  }

  /** It held up the event loop, says whoever watches that. */
  blocked(ms: number): void {
    this.counts.blockedMs += ms;
    this.counts.longestBlockMs = Math.max(this.counts.longestBlockMs, ms);
  }

  /** Start it now if it does not run; throws its coded error when it cannot. */
  async activate(): Promise<void> {
    if (this.#runner === null) await this.#start();
  }

  /** Hot configuration reaches the running instance; the rest only ever differs in a new one. */
  configure(config: Record<string, unknown>): void {
    if (isDeepStrictEqual(this.#input.info.config, config)) return;
    replaceValues(this.#input.info.config as Record<string, unknown>, config);
    this.#runner?.configure(config);
  }

  invoke(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): Promise<unknown> {
    const shape = methodOf(entry, method);
    if (shape === undefined || shape.stream) return Promise.reject(errors.unsupported(this.id, `${entry.contract.id}.${method}`));
    const refused = this.#admit(entry, method, input, caller);
    if (refused !== null) return Promise.reject(this.#refused(entry, method, refused));
    const deadlineMs = shorter(shape.deadlineMs, options.deadlineMs);
    const call = new Call(caller?.id ?? "host", currentWork(), options.signal, party(caller));
    const run = (runner: Runner): Promise<unknown> =>
      settle(this.id, `${entry.contract.id}.${method}`, call, options.signal, deadlineMs, () =>
        runner.invoke(entry.contract.id, entry.id, method, input, call),
      );
    this.#calls.add(call);
    const foreign = !entry.contract.checked && this.#crosses(caller);
    const ready = foreign ? this.#foreign(caller?.id ?? "host", entry.contract, method, "in", input).then(() => this.#runner ?? this.#start()) : null;
    const result = ready !== null ? ready.then(run) : this.#runner === null ? this.#start().then(run) : run(this.#runner);
    return result.then(
      (value) => {
        this.#left(call, null);
        this.#mark(call, entry);
        const problem = this.tier === "host" && !this.#input.validate ? null : checkPayload(this.id, entry.contract, method, "out", value);
        if (problem !== null) throw problem;
        return foreign ? this.#foreign(this.id, entry.contract, method, "out", value).then(() => value) : value;
      },
      (thrown: unknown) => {
        const failed = inContract(thrown, entry.contract);
        this.#left(call, failed, deadlineMs === shape.deadlineMs);
        this.#mark(call, entry);
        throw failed;
      },
    );
  }

  stream(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): AsyncIterableIterator<unknown> {
    const shape = methodOf(entry, method);
    if (shape === undefined || !shape.stream) throw errors.unsupported(this.id, `${entry.contract.id}.${method}`);
    const refused = this.#admit(entry, method, input, caller);
    if (refused !== null) throw this.#refused(entry, method, refused);
    const work = currentWork();
    const enter = <T>(body: () => T): T => runWork(work, body);
    const call = new Call(caller?.id ?? "host", work, options.signal, party(caller));
    const checked = this.tier !== "host" || this.#input.validate;
    const foreign = !entry.contract.checked && this.#crosses(caller);
    this.#calls.add(call);
    const open = async function* (this: Instance): AsyncGenerator<unknown> {
      if (foreign) await this.#foreign(caller?.id ?? "host", entry.contract, method, "in", input);
      const runner = this.#runner ?? (await this.#start());
      for await (const item of streamInContract(runner.stream(entry.contract.id, entry.id, method, input, call), entry.contract)) {
        const problem = checked ? checkPayload(this.id, entry.contract, method, "out", item) : null;
        if (problem !== null) throw problem;
        this.#mark(call, entry);
        if (foreign) await this.#foreign(this.id, entry.contract, method, "out", item);
        yield item;
      }
    };
    const direct = (): AsyncIterable<unknown> =>
      this.#runner !== null && !checked && !foreign ? this.#runner.stream(entry.contract.id, entry.id, method, input, call) : open.call(this);
    const what = `${entry.contract.id}.${method}`;
    const deadlineMs = shorter(shape.deadlineMs, options.deadlineMs);
    return followStream(this.id, what, call, options.signal, deadlineMs, direct, enter, (failed) => {
      this.#mark(call, entry);
      this.#left(call, failed, deadlineMs === shape.deadlineMs);
    });
  }

  /** Run a hook's subscriber; the pipeline bounds and owns it. */
  hook(name: string, payload: unknown, call: Call): unknown {
    const run = (runner: Runner): unknown => runner.hook(name, payload, call);
    const check = (answer: unknown): unknown => {
      const problem =
        this.tier === "host" || answer === undefined || answer === null || isDenial(answer) ? null : checkHookPayload(this.id, name, answer);
      if (problem !== null) throw problem;
      return answer ?? undefined;
    };
    // Where its grant does not hold it is not there: it neither says anything nor fails.
    if (this.#input.permits !== null && this.#input.permits(call.work) !== null) return undefined;
    if (this.#runner !== null && this.tier === "host") return run(this.#runner);
    if (this.#stopped !== null) throw this.#stopped;
    this.#calls.add(call);
    const result = this.#runner === null ? this.#start().then(run) : Promise.resolve(run(this.#runner));
    // The pipeline tells the breaker how it went.
    return result.then(check).finally(() => this.#leave(call));
  }

  /** Let what runs finish until `deadline` resolves, then end it with `reason`; resolves when nothing of it runs. */
  async stop(reason: PlinthError, deadline: Promise<void>): Promise<void> {
    this.#stopped = reason;
    clearTimeout(this.#well);
    this.#unwatchCpu();
    if (this.#calls.size > 0) {
      await Promise.race([new Promise<void>((resolve) => (this.#quiet = resolve)), deadline]);
      for (const call of this.#calls) call.cancel(reason);
    }
    const runner = this.#runner ?? (await this.#starting?.catch(() => null)) ?? null;
    this.#runner = null;
    await runner?.stop(reason).catch((thrown: unknown) => this.#input.onLog("warn", `stopping failed: ${owned(thrown, this.id).message}`));
  }

  #crosses(caller: Caller | null): boolean {
    return this.tier !== "host" || (caller !== null && caller.tier !== "host") || this.#input.validate;
  }

  /** Throws where something that it made for a contract does not fit that. */
  async check(contract: ContractShape, method: string, direction: "in" | "out", value: unknown): Promise<void> {
    if (this.tier === "host" && !this.#input.validate) return;
    const problem = checkPayload(this.id, contract, method, direction, value);
    if (problem !== null) throw problem;
    if (!contract.checked) await this.#foreign(this.id, contract, method, direction, value);
  }

  /** A contract of a third party comes with schemas of a third party: they are run away from this thread. */
  async #foreign(owner: string, contract: ContractShape, method: string, direction: "in" | "out", value: unknown): Promise<void> {
    const schema = contract.methods[method]?.[direction];
    // `{}` and `true` admit everything: nothing to run.
    if (typeof schema !== "object" || schema === null || Object.keys(schema).length === 0) return;
    const [problem] = await this.#input.guard.validate(schema, value ?? null, owner);
    if (problem !== undefined) throw errors.payload(owner, `${contract.id}.${method}`, `${problem.path || "/"}: ${problem.message}`);
  }

  #admit(entry: CapabilityEntry, method: string, input: unknown, caller: Caller | null): PlinthError | null {
    const barred = this.#stopped ?? this.#input.permits?.(currentWork()) ?? null;
    if (barred !== null) return barred;
    if (!this.breaker.allows()) return errors.breakerOpen(this.id);
    const problem = this.#crosses(caller) ? checkPayload(caller?.id ?? "host", entry.contract, method, "in", input) : null;
    if (problem !== null) return problem;
    const spent = this.#budgets.refuses(party(caller));
    if (spent !== null) return spent;
    this.counts.calls++;
    return null;
  }

  #refused(entry: CapabilityEntry, method: string, error: PlinthError): PlinthError {
    this.counts.refused++;
    if (entry.contract.id !== "plinth.audit") this.#input.onRefused(`into ${entry.contract.id}/${entry.id}.${method}`, error);
    return error;
  }

  /** What a third party answers or throws shapes whatever the work does from here on. */
  #mark({ work }: Call, { contract, id }: CapabilityEntry): void {
    if (!this.trusted && work instanceof Work) work.touched(this.id, `answered as ${contract.id}/${id}`);
  }

  #leave(call: Call): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#quiet?.();
  }

  /** @param fair whether it had the contract's whole deadline: a caller's impatience, or mistake, is not held against it. */
  #left(call: Call, failed: unknown, fair = true): void {
    this.#leave(call);
    if (failed === null) return this.breaker.succeeded();
    this.counts.errors++;
    const { code = "", extension } = failed as { code?: string; extension?: string };
    if (code === "PLINTH_ABORTED" || code === "PLINTH_USAGE" || (code === "PLINTH_DEADLINE" && !fair)) return;
    if (extension === this.id) this.failed(failed as PlinthError, "a call");
    // One that it passes on from somebody else, or that it calls so itself, is no breakdown of it.
    if (BREAKS.has(code) && extension === this.id && !isGuestError(failed)) this.breaker.failed();
    else this.breaker.succeeded();
  }

  #start(): Promise<Runner> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    this.#starting ??= this.#launch().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #launch(): Promise<Runner> {
    const { record, supervisor, info, bridge, parent, workspace, trust, sandbox, tier, onLog, makeRunner } = this.#input;
    supervisor.admit(this.id, record.digest);
    const began = performance.now();
    this.counts.activations++;
    const { manifest, digest } = record;
    let runner: Runner;
    try {
      if (manifest.entry === undefined) throw errors.unsupported(this.id, "calls: it has no code");
      if (info.dataDir !== null) await mkdir(info.dataDir, { recursive: true, mode: 0o700 });
      const within: RunnerInput["within"] = (work, body) => runWork(work instanceof Work ? work : undefined, body);
      const input: RunnerInput = { manifest, info, bridge, trust, sandbox, workspace, within, onLog, source: () => verifiedSource(record) };
      runner = await makeRunner(tier, input, record, new InstanceContainer(manifest, parent));
      // Started by whoever calls first, but not as a part of their work: what it starts itself acts for nobody.
      await runWork(undefined, () => settle(this.id, "its start", null, undefined, START_MS, () => runner.start())).catch(async (thrown: unknown) => {
        await runner.stop(new Error("it failed to start")).catch(() => {});
        throw thrown;
      });
    } catch (thrown) {
      const error = owned(thrown, this.id);
      supervisor.strike(this.id, digest, error.code === "PLINTH_DIGEST" ? "load" : "activate", error);
      onLog("error", `it failed to start: ${error.code}: ${error.message}`);
      throw error;
    }
    this.counts.activateMs = performance.now() - began;
    this.#runner = runner;
    const started = Date.now();
    void runner.ended?.then((reason) => {
      if (this.#runner !== runner) return;
      this.#runner = null;
      this.#unwatchCpu();
      supervisor.strike(this.id, digest, "exit", owned(reason, this.id));
      onLog("error", `it ended: ${reason.message}`);
    });
    this.#watchCpu(runner);
    // What stays up for a while is well again.
    clearTimeout(this.#well);
    this.#well = setTimeout(() => {
      const fault = supervisor.fault(this.id);
      if (this.#runner === runner && fault !== undefined && fault.at <= started) supervisor.clear(this.id);
    }, 10_000).unref();
    return runner;
  }

  #watchCpu(runner: Runner): void {
    if (runner.usage === undefined) return;
    this.#unwatchCpu = this.#budgets.watchCpu(
      () => runner.usage?.().cpuMs ?? 0,
      (error) => {
        if (this.#runner !== runner) return;
        this.#runner = null;
        this.#input.supervisor.strike(this.id, this.record.digest, "budget", error);
        this.#input.onLog("error", error.message);
        for (const call of this.#calls) call.cancel(error);
        void runner.stop(error).catch(() => {});
      },
    );
  }
}

const methodOf = ({ contract: { methods } }: CapabilityEntry, name: string) => (Object.hasOwn(methods, name) ? methods[name] : undefined);
const party = (caller: Caller | null): string => partyOf(caller === null || caller.record.bundled ? null : caller.id, currentWork());
const shorter = (contract: number, wanted: number | undefined): number =>
  wanted === undefined ? contract : contract === 0 ? wanted : Math.min(contract, wanted);
