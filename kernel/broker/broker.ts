import type { Manifest, Permissions } from "@plinth/manifests";
import type {
  Bridge,
  CallOptions,
  CapabilityData,
  ExtensionStore,
  FetchHead,
  FetchRequest,
  LogLine,
  Principal,
  WorkData,
} from "@plinth/manifests/wire/bridge.ts";
import { errors } from "../errors.ts";
import type { Host } from "../host.ts";
import type { Instance } from "../instance.ts";
import type { Log } from "../log.ts";
import { currentWork, withWork } from "../work.ts";

/**
 * The only road to authority. Each request is checked against what the manifest declares and the owner granted, whatever
 * tier it comes from; nothing here trusts what an extension says about itself.
 */
export class Broker implements Bridge {
  readonly #host: Host;
  readonly #manifest: Manifest;
  readonly #granted: Permissions;
  readonly #uses: ReadonlySet<string>;
  readonly #fires: ReadonlySet<string>;
  readonly #log: Log;
  instance: Instance | null = null;

  constructor(host: Host, manifest: Manifest, granted: Permissions) {
    this.#host = host;
    this.#manifest = manifest;
    this.#granted = granted;
    this.#uses = new Set((manifest.uses ?? []).map((one) => one.contract));
    this.#fires = new Set((manifest.provides ?? []).map((one) => one.contract));
    this.#log = host.logs.of(manifest.id);
  }

  async list(contract: string): Promise<CapabilityData[]> {
    this.#declared(contract);
    return [...this.#host.generation().list(contract)];
  }

  call(contract: string, id: string | null, method: string, input: unknown, options: CallOptions): Promise<unknown> {
    try {
      this.#declared(contract);
      const entry = this.#host.generation().find(contract, id);
      return entry.by.invoke(entry, method, input, options, this.instance);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  open(contract: string, id: string | null, method: string, input: unknown, options: CallOptions): AsyncIterable<unknown> {
    this.#declared(contract);
    const entry = this.#host.generation().find(contract, id);
    return entry.by.stream(entry, method, input, options, this.instance);
  }

  async fire(hook: string, payload: unknown, options: CallOptions): Promise<unknown> {
    const pipeline = this.#host.generation().pipeline(hook);
    if (pipeline === undefined || !this.#fires.has(pipeline.shape.contract))
      throw errors.undeclared(this.#manifest.id, `a contract whose hook is ${hook}`);
    return pipeline.fire(this.#manifest.id, payload, options);
  }

  store(): Promise<ExtensionStore> {
    return this.#host.stores.of(this.#manifest.id, this.#manifest.budgets?.storageMb);
  }

  /** The road out is a slot: the host checks the secrets and says what was granted, its provider checks every address. */
  async *fetch(request: FetchRequest, signal: AbortSignal | undefined): AsyncIterable<FetchHead | Uint8Array> {
    const { id } = this.#manifest;
    const { net = [], secrets = [] } = this.#granted;
    if (net.length === 0) throw errors.permission(id, "use the network");
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers ?? {}))
      headers[name] = await this.#host.secrets.substitute(id, secrets, String(value));
    const entry = this.#host.trusted("plinth.egress");
    yield* entry.by.stream(entry, "exchange", { ...request, headers, extension: id, hosts: net }, { signal }, null) as AsyncIterable<
      FetchHead | Uint8Array
    >;
  }

  async secretExists(name: string): Promise<boolean> {
    return (this.#granted.secrets ?? []).includes(name) && this.#host.secrets.has(name);
  }

  validate(schema: unknown, value: unknown): Promise<{ path: string; message: string }[]> {
    return this.#host.guard.validate(schema, value);
  }

  async work<T>(principal: Principal, body: () => Promise<T>): Promise<T> {
    const { role } = principal ?? {};
    if ((role !== "owner" && role !== "guest") || !(this.#granted.principals ?? []).includes(role)) {
      throw errors.permission(this.#manifest.id, `act for the principal ${JSON.stringify(role) ?? "none"}`);
    }
    const { via, name } = principal;
    return withWork(
      { role, via: `${this.#manifest.id}:${String(via)}`, ...(name === undefined ? {} : { name: String(name) }) },
      this.#host.current,
      body,
    );
  }

  currentWork(): WorkData | undefined {
    return currentWork();
  }

  log(level: LogLine, message: string, fields: Record<string, unknown> | undefined): void {
    this.#log[level](message, fields);
  }

  #declared(contract: string): void {
    if (!this.#uses.has(contract)) throw errors.undeclared(this.#manifest.id, `that it uses ${contract}`);
    if (contract === "plinth.host-admin" || contract === "plinth.kernel") this.#host.checkAdmin(this.#manifest.id);
  }
}
