import type { ContractShape } from "@plinth/manifests/plan/contracts.ts";
import type { CallOptions } from "@plinth/manifests/wire/bridge.ts";
import type { Answering, Caller, CapabilityEntry } from "./capability.ts";
import { errors } from "./errors.ts";
import { currentWork, runWork } from "./work.ts";

type Part = "input" | "output" | "item";

/**
 * A capability of one major, as a consumer of another one sees it. The contract's owner turns each payload, where its own
 * code runs; what it makes of them is checked as if it had sent it, and its failures are its own.
 */
export class Adapting implements Answering {
  readonly id: string;
  readonly tier: Answering["tier"];
  readonly #inner: CapabilityEntry;
  readonly #adapter: CapabilityEntry;
  readonly #caller: "older" | "newer";

  constructor(inner: CapabilityEntry, adapter: CapabilityEntry, caller: "older" | "newer") {
    this.id = inner.by.id;
    // What passes through both is as far from the host as the farther one.
    this.tier = adapter.by.tier === "host" ? inner.by.tier : adapter.by.tier;
    this.#inner = inner;
    this.#adapter = adapter;
    this.#caller = caller;
  }

  async invoke(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): Promise<unknown> {
    this.#assertHas(entry.contract, method, false);
    const asked = await this.#input(entry.contract, method, input, options, caller);
    const answer = await this.#inner.by.invoke(this.#inner, asked.method, asked.value, options, caller);
    return this.#back("output", entry.contract, method, answer, options, caller);
  }

  async *stream(entry: CapabilityEntry, method: string, input: unknown, options: CallOptions, caller: Caller | null): AsyncGenerator<unknown> {
    this.#assertHas(entry.contract, method, true);
    // Wherever it is read, each step belongs to the work that opened it.
    const work = currentWork();
    const asked = await runWork(work, () => this.#input(entry.contract, method, input, options, caller));
    for await (const item of runWork(work, () => this.#inner.by.stream(this.#inner, asked.method, asked.value, options, caller)))
      yield await runWork(work, () => this.#back("item", entry.contract, method, item, options, caller));
  }

  #assertHas({ id, methods }: ContractShape, method: string, stream: boolean): void {
    if (!Object.hasOwn(methods, method) || methods[method]?.stream !== stream) throw errors.unsupported(this.id, `${id}.${method}`);
  }

  async #input(
    shape: ContractShape,
    method: string,
    value: unknown,
    options: CallOptions,
    caller: Caller | null,
  ): Promise<{ method: string; value: unknown }> {
    const turned = await this.#convert("input", method, value, options, caller);
    const name = String(turned.method ?? method);
    const there = this.#inner.contract.methods;
    if (!Object.hasOwn(there, name) || there[name]?.stream !== shape.methods[method]?.stream)
      throw errors.payload(this.#adapter.by.id, `${shape.id}.${method}`, `the adapter names no such method of the other major: ${name.slice(0, 64)}`);
    await this.#adapter.by.check?.(this.#inner.contract, name, "in", turned.value);
    return { method: name, value: turned.value };
  }

  async #back(part: Part, shape: ContractShape, method: string, given: unknown, options: CallOptions, caller: Caller | null): Promise<unknown> {
    const { value } = await this.#convert(part, method, given, options, caller);
    await this.#adapter.by.check?.(shape, method, "out", value);
    return value;
  }

  async #convert(
    part: Part,
    method: string,
    value: unknown,
    { signal }: CallOptions,
    caller: Caller | null,
  ): Promise<{ method?: string; value: unknown }> {
    const input = { caller: this.#caller, part, method, value: value ?? null };
    const turned = await this.#adapter.by.invoke(this.#adapter, "convert", input, { signal }, caller);
    if (typeof turned === "object" && turned !== null) return turned as { method?: string; value: unknown };
    throw errors.payload(this.#adapter.by.id, `${this.#inner.contract.id}.${method}`, "its adapter answers with { value }");
  }
}
