import "reflect-metadata";
import type { Manifest } from "@plinth/manifests";
import type { HookHandler, ProviderObject, Registrations } from "@plinth/manifests/wire/bridge.ts";
import { type DependencyContainer, container as root } from "tsyringe";
import { errors } from "./errors.ts";

interface Disposable {
  dispose?(): unknown;
}

/** A named scope below an extension's container: values made on first use, disposed newest first. */
class Scope {
  readonly #container: DependencyContainer;
  readonly #made: unknown[] = [];
  readonly #onDispose: () => void;

  constructor(container: DependencyContainer, onDispose: () => void) {
    this.#container = container;
    this.#onDispose = onDispose;
  }

  get<T>(token: string, make: () => T): T {
    if (!this.#container.isRegistered(token)) {
      const value = make();
      this.#made.push(value);
      this.#container.registerInstance(token, { value });
    }
    return this.#container.resolve<{ value: T }>(token).value;
  }

  async dispose(): Promise<void> {
    this.#onDispose();
    for (const value of this.#made.reverse()) {
      await (value as Disposable | null)?.dispose?.();
    }
    this.#made.length = 0;
    await this.#container.dispose();
  }
}

/**
 * The container of one extension instance: a child of the host's, holding what it provides under explicit tokens
 * (`contract/id`, `hook:name`), with scopes as children of its own.
 */
export class InstanceContainer implements Registrations {
  readonly #manifest: Manifest;
  readonly #container: DependencyContainer;
  readonly #scopes = new Map<string, Scope>();

  constructor(manifest: Manifest, parent: DependencyContainer) {
    this.#manifest = manifest;
    this.#container = parent.createChildContainer();
  }

  provide(contract: string, id: string, provider: ProviderObject): void {
    const declared = this.#manifest.provides?.some((one) => one.contract === contract && one.id === id);
    if (declared !== true) throw errors.undeclared(this.#manifest.id, `that it provides ${contract}/${id}`, "provides");
    this.#container.registerInstance(`${contract}/${id}`, provider);
  }

  on(hook: string, handler: HookHandler): void {
    if (this.#manifest.hooks?.some((one) => one.on === hook) !== true) throw errors.undeclared(this.#manifest.id, `the hook ${hook}`, "hooks");
    this.#container.registerInstance(`hook:${hook}`, handler);
  }

  provider(token: string): ProviderObject | undefined {
    return this.#container.isRegistered(token) ? this.#container.resolve<ProviderObject>(token) : undefined;
  }

  handler(hook: string): HookHandler | undefined {
    const token = `hook:${hook}`;
    return this.#container.isRegistered(token) ? this.#container.resolve<HookHandler>(token) : undefined;
  }

  scope(name: string): Scope {
    let scope = this.#scopes.get(name);
    if (scope === undefined) {
      scope = new Scope(this.#container.createChildContainer(), () => this.#scopes.delete(name));
      this.#scopes.set(name, scope);
    }
    return scope;
  }

  async dispose(): Promise<void> {
    for (const scope of [...this.#scopes.values()]) await scope.dispose();
    await this.#container.dispose();
  }
}

/** One container for each host, so that two hosts in one process share nothing. */
export const createRootContainer = (): DependencyContainer => root.createChildContainer();
