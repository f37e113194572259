import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest, Pin } from "@plinth/manifests";
import { PlinthError } from "../extension/errors.ts";
import type { CallOptions, ContractId, Extension, HookName, HookOutcome, Influence, Principal, Uses } from "../extension/index.ts";
import type { Implementation } from "./capability-call.ts";
import { addProvided, addScripted, checkPayload, entering, type Row, type ScriptedProvider, usesOf } from "./capability-table.ts";
import { loadContracts } from "./contract-table.ts";
import { ExtensionInstance, type InstanceHost, type LogLine } from "./extension-instance.ts";
import { fireHook } from "./hook-pipeline.ts";
import { hostCounterpart } from "./host-counterpart.ts";
import { schemaProblems, withDefaults } from "./json-schema.ts";
import { createMemoryStore } from "./memory-store.ts";
import { createWorkScope } from "./work.ts";

export interface TestExtension {
  /** The contents of plinth.json, or of a file that `plinth contract add` wrote. */
  manifest: object;
  /** Default: it has no code. */
  extension?: Extension<any>;
  /** Its configuration; the manifest's defaults are filled in. */
  config?: unknown;
  /** Only variables that the manifest declares are seen. */
  env?: Record<string, string>;
  /** Values by name; the extension sees handles only. */
  secrets?: Record<string, string>;
  /** Programs to which it may hand secrets, as an owner pins them. */
  pins?: Pin[];
  /** false: its capabilities are told as a third party's; default true. */
  trusted?: boolean;
}

export interface TestHostOptions {
  extensions?: TestExtension[];
  provide?: ScriptedProvider[];
  /** Who the test's own calls are made for; default: nobody. */
  principal?: Principal;
  /** What `plinth.host` says is granted to third parties, by id; default: nothing. */
  grants?: Record<string, unknown>;
  /** Let ctx.fetch leave this machine; default false. */
  allowNet?: boolean;
  /** Check manifests, payloads and results against their schemas (needs `ajv`); default true. */
  validate?: boolean;
}

export interface TestHost {
  /** The temporary home folder; removed by close(). */
  readonly home: string;
  /** Everything that was logged. */
  readonly log: readonly LogLine[];
  /** Failures of hook subscribers and disposers. */
  readonly faults: readonly PlinthError[];
  use<C extends ContractId>(contract: C): Uses<C>;
  /** Run `body` as work of a principal. */
  as<T>(principal: Principal, body: () => T): T;
  /** Inside `as`: somebody else has a hand in this work from here on, as `ctx.lower` says it. */
  lower(party: string, how: string): void;
  /** Who had a hand in the current work. */
  influences(): readonly Influence[];
  fire<H extends HookName>(hook: H, payload: unknown, options?: CallOptions): Promise<HookOutcome<H>>;
  /** Activate an extension before anything uses it. */
  activate(id: string): Promise<void>;
  /** Ids of the extensions whose activate() has run or runs. */
  activated(): string[];
  /** Stop every extension, newest effect first, and remove the home folder. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A small host in memory, for tests: the manifest's promises are enforced, no kernel is needed. */
export async function createTestHost(options: TestHostOptions = {}): Promise<TestHost> {
  const { validate = true, principal } = options;
  const given = options.extensions ?? [];
  const manifests = given.map(({ manifest }) => manifest as Manifest);
  if (validate) for (const manifest of manifests) await checkManifest(manifest);
  const table = await loadContracts(manifests);
  // Real path: on some systems the temporary folder is itself a link.
  const home = await realpath(await mkdtemp(join(tmpdir(), "plinth-test-")));
  const works = createWorkScope();
  const log: LogLine[] = [];
  const faults: PlinthError[] = [];
  const rows: Row[] = [];
  const rules = { works, validate };

  const use = (contract: string, caller: string): Uses<any> => usesOf(table, rows, contract, caller, rules);
  const host: InstanceHost = {
    home,
    works,
    allowNet: options.allowNet ?? false,
    use,
    hookContract: (hook) => table.hook(hook).contract,
    log: (line) => log.push(line),
    fire: async (hook, payload, caller, fireOptions) => {
      const definition = table.hook(hook);
      if (validate) await checkPayload(`the payload of ${hook}`, definition.payload, payload, caller);
      return fireHook(definition, subscribers(hook), payload, caller, fireOptions, works);
    },
  };
  const instances: ExtensionInstance[] = [];
  const subscribers = (hook: string) =>
    instances.flatMap((instance) =>
      (instance.manifest.hooks ?? [])
        .filter(({ on }) => on === hook)
        .map((hookUse) => ({
          extension: instance.manifest.id,
          use: hookUse,
          stopped: instance.stopped,
          handler: () => instance.handler(hook),
          failed: (error: PlinthError) => void faults.push(error),
        })),
    );

  try {
    for (const [index, one] of given.entries()) {
      const manifest = manifests[index]!;
      const { env = {}, secrets = {}, pins = [] } = one;
      const config = await configOf(manifest, one.config ?? {}, validate);
      const own = { manifest, extension: one.extension ?? { activate() {} }, config, env, secrets, pins };
      instances.push(new ExtensionInstance({ ...own, store: createMemoryStore() }, host));
    }
    for (const [index, instance] of instances.entries()) await addProvided(rows, table, instance, validate, given[index]?.trusted);
    for (const scripted of options.provide ?? []) addScripted(rows, table, scripted);
    if (!rows.some(({ contract }) => contract === "plinth.host")) {
      const provider = hostCounterpart(home, () => instances, options.grants);
      addScripted(rows, table, {
        contract: "plinth.host",
        descriptor: { title: "Test host" },
        provider: provider as Implementation,
      });
    }
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }

  const outside = <T>(body: () => T): T => (principal && !works.current() ? works.run(principal, body) : body());
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= (async () => {
      for (const instance of [...instances].reverse()) {
        for (const error of await instance.close()) {
          faults.push(
            new PlinthError("PLINTH_EXTENSION_FAILED", `A disposer failed: ${String(error)}`, {
              extension: instance.manifest.id,
              cause: error,
            }),
          );
        }
      }
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
    })();
    return closing;
  };
  return {
    home,
    log,
    faults,
    use: ((contract: string) => entering(use(contract, "host"), outside)) as TestHost["use"],
    as: (who, body) => works.run(who, body),
    lower: (party, how) => works.lower(party, how),
    influences: () => works.current()?.influences ?? [],
    fire: ((hook: string, payload: unknown, fireOptions: CallOptions = {}) =>
      outside(() => host.fire(hook, payload, "host", fireOptions))) as TestHost["fire"],
    activate: async (id) => {
      const instance = instances.find(({ manifest }) => manifest.id === id);
      if (!instance) throw new PlinthError("PLINTH_NOT_INSTALLED", `${id} is not in the test host.`, { next: "Add it to `extensions`." });
      await instance.activate();
    },
    activated: () => instances.filter(({ active }) => active).map(({ manifest }) => manifest.id),
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function checkManifest(manifest: Manifest): Promise<void> {
  const { Manifest: schema } = await import("@plinth/manifests");
  const [problem] = await schemaProblems(schema, manifest);
  if (!problem) return;
  throw new PlinthError("PLINTH_MANIFEST_INVALID", `The manifest of ${manifest.id} is not valid at ${problem.path || "/"}: ${problem.message}.`, {
    extension: manifest.id,
    next: "Correct plinth.json.",
  });
}

async function configOf(manifest: Manifest, config: unknown, validate: boolean): Promise<unknown> {
  if (!validate || typeof manifest.config !== "object" || manifest.config === null) return config;
  const { value, problems } = await withDefaults(manifest.config, config);
  if (problems[0]) {
    throw new PlinthError(
      "PLINTH_CONFIG_INVALID",
      `The config of ${manifest.id} is not valid at ${problems[0].path || "/"}: ${problems[0].message}.`,
      { extension: manifest.id },
    );
  }
  return value;
}
