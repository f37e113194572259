import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { CatalogRecord } from "@plinth/manifests/home/installed.ts";
import type { CallInfo } from "@plinth/manifests/wire/bridge.ts";
import type { Runner, RunnerInput } from "@plinth/manifests/wire/runner.ts";
import type { InstanceContainer } from "../container.ts";
import { errors } from "../errors.ts";
import { extensionOf } from "./load.ts";

/** First-party code, and what the operator wrote `tier: host` for: in this process, a function call away. */
export class HostRunner implements Runner {
  readonly ended = null;
  readonly #input: RunnerInput;
  readonly #record: CatalogRecord;
  readonly #container: InstanceContainer;
  #live: { stop(reason: Error): Promise<void> } | null = null;

  constructor(input: RunnerInput, record: CatalogRecord, container: InstanceContainer) {
    this.#input = input;
    this.#record = record;
    this.#container = container;
  }

  async start(): Promise<void> {
    const { manifest, bridge, info, source } = this.#input;
    const { dir, bundled } = this.#record;
    const container = this.#container;
    let namespace: { default?: unknown };
    if (bundled) namespace = await import(pathToFileURL(join(dir, manifest.entry ?? "")).href);
    else {
      // The verified bytes themselves are evaluated: the file may change after the check. Stacks name its owner.
      namespace = await import(`data:text/javascript;extension=${manifest.id};base64,${Buffer.from(await source()).toString("base64")}`);
    }
    const extension = extensionOf(manifest.id, namespace);
    this.#live = await extension.start(bridge, info, container);
    for (const { contract, id } of manifest.provides ?? []) {
      if (container.provider(`${contract}/${id}`) === undefined) throw errors.notProvided(manifest.id, `${contract}/${id}`);
    }
    for (const { on } of manifest.hooks ?? []) {
      if (container.handler(on) === undefined) throw errors.notProvided(manifest.id, `the hook ${on}`);
    }
  }

  invoke(contract: string, id: string, method: string, input: unknown, call: CallInfo): unknown {
    const provider = this.#container.provider(`${contract}/${id}`);
    const implementation = provider?.[method];
    if (implementation === undefined) throw errors.unsupported(this.#input.manifest.id, `${contract}.${method}`);
    return implementation.call(provider, input, call);
  }

  stream(contract: string, id: string, method: string, input: unknown, call: CallInfo): AsyncIterable<unknown> {
    const result = this.invoke(contract, id, method, input, call) as AsyncIterable<unknown> | null;
    if (typeof result?.[Symbol.asyncIterator] === "function") return result;
    throw errors.payload(this.#input.manifest.id, `${contract}.${method}`, "it must return an async iterable");
  }

  hook(name: string, payload: unknown, call: CallInfo): unknown {
    const handler = this.#container.handler(name);
    if (handler === undefined) throw errors.notProvided(this.#input.manifest.id, `the hook ${name}`);
    return handler(payload, call);
  }

  /** The configuration object is shared: nothing to carry over. */
  configure(): void {}

  async stop(reason: Error): Promise<void> {
    await this.#live?.stop(reason);
    await this.#container.dispose();
  }
}
