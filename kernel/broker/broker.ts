import type { AuditRecord, Manifest, Permissions } from "@plinth/manifests";
import { checkPayload } from "@plinth/manifests/check/payloads.ts";
import { grantedFolders } from "@plinth/manifests/home/granted-folders.ts";
import { Origin } from "@plinth/manifests/origin/origin.ts";
import { redact } from "@plinth/manifests/redact.ts";
import type * as wire from "@plinth/manifests/wire/bridge.ts";
import { partyOf, Shares } from "@plinth/manifests/wire/parties.ts";
import { sizeOf } from "@plinth/manifests/wire/size.ts";
import type { Caller, CapabilityEntry } from "../capability.ts";
import { errors, owned } from "../errors.ts";
import type { Log } from "../log.ts";
import { currentWork, nextWorkId, runWork, streamAfter, Work, withWork } from "../work.ts";
import type { BrokerHost } from "./broker-host.ts";

type Kind = AuditRecord["kind"];

const REFUSAL = /^PLINTH_(PERMISSION|UNDECLARED|QUOTA|SANDBOX|GRANT_[A-Z]+)$/;

/**
 * The only road to authority. Each request is checked against what the manifest declares and the owner granted, whatever
 * tier it comes from; nothing here trusts what an extension says about itself. Network, files and programs are slots: the
 * host says what was granted and puts the secrets in, the provider checks every address, path and argument.
 */
export class Broker implements wire.Bridge {
  readonly #host: BrokerHost;
  readonly #manifest: Manifest;
  readonly #granted: Permissions;
  readonly #uses: ReadonlySet<string>;
  readonly #fires: ReadonlySet<string>;
  readonly #log: Log;
  readonly #traffic = new Shares();
  instance: (Caller & { readonly trusted: boolean; readonly counts: { egressBytes: number } }) | null = null;

  constructor(host: BrokerHost, manifest: Manifest, granted: Permissions) {
    this.#host = host;
    this.#manifest = manifest;
    this.#granted = granted;
    this.#uses = new Set((manifest.uses ?? []).map((one) => one.contract));
    this.#fires = new Set((manifest.provides ?? []).map((one) => one.contract));
    this.#log = host.logs.of(manifest.id);
  }

  async list(contract: string): Promise<wire.CapabilityData[]> {
    this.#declared(contract);
    const work = currentWork();
    const generation = this.#host.generation();
    const spoken = generation.spoken(contract, this.#manifest.uses);
    const choice = spoken?.choice;
    return generation
      .list(contract, spoken)
      .filter(({ extension, trusted }) => trusted || choice !== true || this.#host.grants.chose(extension, contract))
      .filter(({ extension }) => this.#host.grants.refuses(extension, work) === null);
  }

  call(contract: string, id: string | null, method: string, input: unknown, options: wire.CallOptions): Promise<unknown> {
    try {
      const entry = this.#callee(contract, id, method);
      return this.#acting(() => {
        const allowed = this.#authority(entry, method, input, options);
        const invoke = (): Promise<unknown> => entry.by.invoke(entry, method, input, options, this.instance);
        return allowed === null ? invoke() : allowed.then(invoke);
      });
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  open(contract: string, id: string | null, method: string, input: unknown, options: wire.CallOptions): AsyncIterable<unknown> {
    const entry = this.#callee(contract, id, method);
    return this.#acting(() => {
      const allowed = this.#authority(entry, method, input, options);
      const stream = (): AsyncIterable<unknown> => entry.by.stream(entry, method, input, options, this.instance);
      // Whoever never reads it leaves a refusal that nobody waits for.
      allowed?.catch(() => {});
      return allowed === null ? stream() : streamAfter(allowed, stream);
    });
  }

  async fire(hook: string, payload: unknown, options: wire.CallOptions): Promise<unknown> {
    const pipeline = this.#host.generation().pipeline(hook);
    if (pipeline === undefined || !this.#fires.has(pipeline.shape.contract))
      throw this.#tell("hook", () => hook, errors.undeclared(this.#manifest.id, `a contract whose hook is ${hook}`, "provides"));
    return this.#acting(() => pipeline.fire(this.#manifest.id, payload, currentWork(), options));
  }

  store(): Promise<wire.ExtensionStore> {
    return this.#host.stores.of(this.#manifest.id, this.#manifest.budgets?.storageMb);
  }

  fetch(request: wire.FetchRequest, signal: AbortSignal | undefined): AsyncIterable<wire.FetchHead | Uint8Array> {
    return this.#net("exchange", String(request.method ?? "GET").slice(0, 20), request, signal);
  }

  socket(request: wire.SocketRequest, signal: AbortSignal | undefined): AsyncIterable<wire.SocketItem> {
    return this.#net("connect", "WebSocket", request, signal);
  }

  async socketSend(id: string, data: string | Uint8Array): Promise<void> {
    this.#permitted("net", "use the network");
    this.#spend(data);
    await this.#ask("plinth.egress", "send", { id, data });
  }

  async socketClose(id: string, code?: number, reason?: string): Promise<void> {
    await this.#ask("plinth.egress", "close", { id, code, reason });
  }

  async files(request: wire.FilesRequest): Promise<unknown> {
    const what = (): string => `${request.op} ${request.path}`;
    try {
      this.#permitted("fs", "use files");
      const storageMb = this.#manifest.budgets?.storageMb;
      const answer = await this.#ask("plinth.file-access", "request", { request, folders: this.#folders(), storageMb });
      this.#tell("files", what);
      return answer;
    } catch (thrown) {
      throw this.#tell("files", what, thrown);
    }
  }

  exec(request: wire.ExecRequest, signal: AbortSignal | undefined): AsyncIterable<wire.ExecItem> {
    const what = (): string => `${request.program} ${[request.args].flat().join(" ")}`;
    return this.#road("exec", what, "plinth.program-runner", "open", signal, async () => {
      const programs = this.#permitted("exec", "run programs");
      const given = await this.#host.secrets.toProgram(this.#manifest.id, this.#granted.secrets, this.#host.grants.get(this.#manifest.id), request);
      for (const name of given.pinned?.variables ?? []) this.#tell("secret", () => `${request.env?.[name]} to ${request.program}`);
      return { ...given, programs, folders: this.#folders(), hosts: this.#granted.net ?? [], storageMb: this.#manifest.budgets?.storageMb };
    });
  }

  async execSend(id: string, message: wire.ExecMessage): Promise<void> {
    await this.#ask("plinth.program-runner", "send", { id, message });
  }

  async secretExists(name: string): Promise<boolean> {
    return (this.#granted.secrets ?? []).includes(name) && this.#host.secrets.has(name);
  }

  validate(schema: unknown, value: unknown): Promise<{ path: string; message: string }[]> {
    return this.#host.guard.validate(schema, value, this.#manifest.id);
  }

  async work<T>(principal: wire.Principal, body: () => Promise<T>): Promise<T> {
    const { role } = principal ?? {};
    if ((role !== "owner" && role !== "guest") || !(this.#granted.principals ?? []).includes(role)) {
      const what = `act for the principal ${JSON.stringify(role) ?? "none"}`;
      throw this.#tell("work", () => what, errors.permission(this.#manifest.id, what));
    }
    const { via, name, scope } = principal;
    const outer = currentWork();
    // Whoever only says more of the work that it is in has not proven the identity itself, nor made a beginning.
    const same = outer?.principal.role === role && outer.principal.via === via;
    const proven = same ? via : `${this.#manifest.id}:${String(via)}`;
    const origin = same ? outer.origin : new Origin();
    if (!this.#trusted) origin.lower(this.#manifest.id, `brought it in as ${role}'s`);
    else if (role === "guest" && !same) origin.lower(`guest:${proven}`, "asked for it");
    const labels = Object.entries(scope ?? {}).slice(0, 8);
    return withWork(
      {
        role,
        via: proven,
        ...(name === undefined ? {} : { name: String(name) }),
        ...(labels.length === 0 ? {} : { scope: Object.freeze(Object.fromEntries(labels.map(([label, value]) => [label, String(value)]))) }),
      },
      this.#host.current,
      body,
      origin,
    );
  }

  currentWork(): wire.WorkData | undefined {
    return currentWork();
  }

  async lower(party: string, how: string): Promise<void> {
    currentWork()?.origin.lower(this.#trusted ? String(party) : "outside", this.#trusted ? String(how) : `says ${this.#manifest.id}`);
  }

  log(level: wire.LogLine, message: string, fields: Record<string, unknown> | undefined): void {
    this.#log[level](message, fields);
  }

  #net<T>(method: string, verb: string, request: wire.FetchRequest, signal: AbortSignal | undefined): AsyncIterable<T> {
    // Without its query, which may hold a secret.
    const { origin = "", pathname = "no address" } = URL.parse(String(request.url)) ?? {};
    return this.#road(
      "net",
      () => `${verb} ${origin}${pathname}`,
      "plinth.egress",
      method,
      signal,
      async () => {
        const hosts = this.#permitted("net", "use the network");
        const headers: Record<string, string> = {};
        const sensitive: string[] = [];
        for (const [name, value] of Object.entries(request.headers ?? {})) {
          headers[name] = await this.#host.secrets.substitute(this.#manifest.id, this.#granted.secrets ?? [], String(value), origin);
          if (headers[name] === value) continue;
          sensitive.push(name.toLowerCase());
          this.#tell("secret", () => `${value} to ${origin}`);
        }
        this.#spend(`${request.url}${JSON.stringify(headers)}${request.body ?? ""}`);
        return { ...request, headers, sensitive, hosts };
      },
    );
  }

  /** A stream of a slot's provider; recorded when it begins, and when it is refused. */
  async *#road<T>(
    kind: Kind,
    what: () => string,
    contract: string,
    method: string,
    signal: AbortSignal | undefined,
    given: () => Promise<object>,
  ): AsyncGenerator<T> {
    let begun = false;
    try {
      const [entry, input] = this.#slot(contract, method, await given());
      for await (const item of entry.by.stream(entry, method, input, { signal }, null)) {
        if (kind === "net") this.#spend(item);
        if (!begun) this.#tell(kind, what);
        begun = true;
        if (!this.#reached(item as object)) yield item as T;
      }
    } catch (thrown) {
      throw this.#tell(kind, what, thrown);
    }
  }

  /** What a program of its own asked of the network: recorded and counted here, and nobody else's business. */
  #reached({ reached }: { reached?: wire.Reached }): boolean {
    if (reached !== undefined && reached.bytes > 0) this.#spend(reached.bytes);
    else if (reached !== undefined) this.#tell("net", () => reached.what, reached.refused);
    return reached !== undefined;
  }

  async #ask(contract: string, method: string, given: object): Promise<unknown> {
    const [entry, input] = this.#slot(contract, method, given);
    return entry.by.invoke(entry, method, input, {}, null);
  }

  /** What fills a slot, and what it is asked: whatever a guest put into that fits the contract, or goes nowhere. */
  #slot(contract: string, method: string, given: object): [CapabilityEntry, object] {
    const { id } = this.#manifest;
    const [entry, input] = [this.#host.trusted(contract), { ...given, extension: id }];
    const problem = this.instance?.tier === "host" ? null : checkPayload(id, entry.contract, method, "in", input);
    if (problem !== null) throw problem;
    return [entry, input];
  }

  #folders = () => grantedFolders(this.#host.home, this.#manifest.id, this.#granted);

  /** What was granted of one kind, where the grant holds; nothing is no grant. */
  #permitted(kind: keyof Permissions, what: string): readonly string[] {
    const { id } = this.#manifest;
    const list = this.#granted[kind] ?? [];
    if (list.length === 0) throw errors.permission(id, what, this.#manifest.permissions?.[kind] !== undefined);
    const refusal = this.#host.grants.refuses(id, currentWork());
    if (refusal !== null) throw refusal;
    return list;
  }

  /** Count bytes in and out; what is over the budget is not sent, or not handed on. */
  #spend(item: unknown): void {
    const bytes = sizeOf(item);
    const limit = this.#manifest.budgets?.egressMbPerMinute;
    if (this.instance !== null) this.instance.counts.egressBytes += bytes;
    if (limit !== undefined && this.#traffic.spend(partyOf(null, currentWork()), bytes) > limit * 1_048_576)
      throw errors.quota(this.#manifest.id, `${limit} MiB of network traffic a minute`);
  }

  /** Record what was asked for, and whether it was refused; gives back what was thrown. */
  #tell<E>(kind: Kind, what: () => string, thrown?: E): E | undefined {
    const { id } = this.#manifest;
    if (thrown === undefined) {
      if (this.#host.audits(true)) this.#host.audit({ extension: id, kind, what: redact(what()), allowed: true });
      return thrown;
    }
    const { code, message } = owned(thrown, id);
    if (REFUSAL.test(code) && this.#host.audits(false))
      this.#host.audit({ extension: id, kind, what: redact(what()), allowed: false, code, why: redact(message) });
    return thrown;
  }

  /**
   * With whose authority its own calls are made. Work that comes through an extension behind a wall leaves it as a
   * guest's, unless an owner allowed it to act for that principal: being called by an owner makes nobody an owner.
   */
  #acting<T>(body: () => T): T {
    const work = currentWork();
    const { id } = this.#manifest;
    if (this.#trusted || work?.principal.via === id) return body();
    const scope = work?.principal.scope;
    const guest = Object.freeze({ role: "guest" as const, via: id, ...(scope === undefined ? {} : { scope }) });
    if (work === undefined) {
      const own = new Work(`${nextWorkId()}/${id}`, guest, null);
      own.origin.lower(id, "began it");
      return runWork(own, body);
    }
    const keeps = (this.#granted.principals as readonly string[] | undefined)?.includes(work.principal.role) === true;
    return runWork(work.through(id, keeps ? work.principal : guest), body);
  }

  get #trusted(): boolean {
    return this.instance === null || this.instance.trusted;
  }

  /** What acts on the world is decided by policy, by who had a hand in the work; it may ask an owner. null: nothing to decide. */
  #authority(entry: CapabilityEntry, method: string, input: unknown, { signal }: wire.CallOptions): Promise<unknown> | null {
    const work = currentWork();
    if (work === undefined || entry.contract.methods[method]?.guarded !== true) return null;
    const { id, contract, data } = entry;
    const effects = (data.descriptor as { effects?: unknown } | undefined)?.effects;
    const [policy, question] = this.#slot("plinth.policy", "check", {
      contract: contract.id,
      id,
      provider: data.extension,
      trusted: data.trusted,
      descriptor: data.descriptor,
      method,
      effects: Array.isArray(effects) ? effects.map(String) : ["administer"],
      input,
    });
    return policy.by.invoke(policy, "check", question, { signal }, null);
  }

  #callee(contract: string, id: string | null, method: string): CapabilityEntry {
    this.#declared(contract);
    const generation = this.#host.generation();
    const entry = generation.find(contract, id, generation.spoken(contract, this.#manifest.uses));
    if (entry.contract.choice && !entry.data.trusted && !this.#host.grants.chose(entry.data.extension, contract))
      throw this.#tell("call", () => contract, errors.notChosen(entry.data.extension, contract));
    if (this.#host.audits(true)) this.#tell("call", () => `${contract}/${entry.id}.${method}`);
    return entry;
  }

  #declared(contract: string): void {
    const { id } = this.#manifest;
    const refusal = this.#uses.has(contract)
      ? this.#host.grants.refuses(id, currentWork())
      : errors.undeclared(id, `that it uses ${contract}`, "uses");
    if (refusal !== null) throw this.#tell("call", () => contract, refusal);
    if (contract === "plinth.host-admin" || contract === "plinth.kernel") this.#host.checkAdmin(id);
  }
}

// An extension in the host's process holds one.
Object.freeze(Broker.prototype);
