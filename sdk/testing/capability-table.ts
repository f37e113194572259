import { PlinthError } from "../extension/errors.ts";
import type { CallOptions, Capability, Client, ContractId, Provider, Uses } from "../extension/index.ts";
import { type CallRules, type CallTarget, callMethod, callStream, type Implementation } from "./capability-call.ts";
import type { ContractTable } from "./contract-table.ts";
import type { ExtensionInstance } from "./extension-instance.ts";
import { schemaProblems } from "./json-schema.ts";

/** A scripted counterpart for a contract that the tested extension uses. */
export interface ScriptedProvider<C extends ContractId = ContractId> {
  contract: C | (string & {});
  /** Default: `default`. */
  id?: string;
  descriptor?: unknown;
  provider: Partial<Provider<C>> | Implementation;
}

/** One provided capability and how to reach it. */
export interface Row {
  readonly contract: string;
  readonly capability: Capability;
  readonly target: CallTarget;
}

/** A contract's consumers' side: lists from data, clients that look their target up at each call. */
export function usesOf(table: ContractTable, rows: readonly Row[], contract: string, caller: string, rules: CallRules): Uses<any> {
  const { methods } = table.contract(contract);
  const all = () => rows.filter((row) => row.contract === contract).sort((a, b) => (a.capability.id < b.capability.id ? -1 : 1));
  const client = (find: () => CallTarget): Client<any> =>
    Object.fromEntries(
      Object.entries(methods).map(([name, definition]) => [
        name,
        definition.stream
          ? (input: unknown, options: CallOptions = {}) => callStream(lazily(find), name, definition, input, options, caller, rules)
          : async (input: unknown, options: CallOptions = {}) => callMethod(find(), name, definition, input, options, caller, rules),
      ]),
    ) as unknown as Client<any>;
  const missing = (what: string) =>
    new PlinthError("PLINTH_CAPABILITY_MISSING", what, {
      next:
        all().length > 0
          ? `There is: ${all()
              .map(({ capability }) => capability.id)
              .join(", ")}.`
          : "Add an extension or a scripted provider for it.",
    });
  return {
    list: async () => all().map(({ capability }) => capability) as any,
    get: (id) =>
      client(() => {
        const row = all().find(({ capability }) => capability.id === id);
        if (!row) throw missing(`There is no ${contract} named ${id}.`);
        return row.target;
      }),
    one: () =>
      client(() => {
        const [row, second] = all();
        if (!row) throw missing(`Nothing provides ${contract}.`);
        if (second) throw conflict(contract, [row, second]);
        return row.target;
      }),
  };
}

/** A target that is looked up when the stream is first read, so that a missing one fails there and not at the call. */
function lazily(find: () => CallTarget): CallTarget {
  let error: unknown;
  try {
    return find();
  } catch (thrown) {
    error = thrown;
  }
  return {
    contract: "",
    id: "",
    extension: "host",
    stopped: new AbortController().signal,
    implementation: () => Promise.reject(error),
  };
}

/** The same client, its calls entered through `enter`. */
export function entering(uses: Uses<any>, enter: <T>(body: () => T) => T): Uses<any> {
  const wrap = (client: Record<string, (input: unknown, options?: CallOptions) => unknown>) =>
    Object.fromEntries(
      Object.entries(client).map(([name, call]) => [name, (input: unknown, options?: CallOptions) => enter(() => call(input, options))]),
    );
  return { list: uses.list, get: (id) => wrap(uses.get(id) as any) as any, one: () => wrap(uses.one() as any) as any };
}

export async function addProvided(rows: Row[], table: ContractTable, instance: ExtensionInstance, validate: boolean, trusted = true): Promise<void> {
  const { id: extension } = instance.manifest;
  for (const { contract, id, version, descriptor } of instance.manifest.provides ?? []) {
    const definition = table.contract(contract);
    if (validate) await checkPayload(`the descriptor of ${contract}/${id}`, definition.descriptor, descriptor, extension);
    add(rows, {
      contract,
      capability: { id, extension, version, descriptor, trusted },
      target: {
        contract,
        id,
        extension,
        stopped: instance.stopped,
        implementation: () => instance.implementation(contract, id),
      },
    });
  }
  for (const { on } of instance.manifest.hooks ?? []) table.hook(on);
}

export function addScripted(rows: Row[], table: ContractTable, scripted: ScriptedProvider): void {
  const { contract, id = "default", descriptor = {}, provider } = scripted;
  const { version } = table.contract(contract);
  const implementation = async () => provider as Implementation;
  add(rows, {
    contract,
    capability: { id, extension: "test.scripted", version, descriptor, trusted: true },
    target: { contract, id, extension: "test.scripted", stopped: new AbortController().signal, implementation },
  });
}

function add(rows: Row[], row: Row): void {
  const same = rows.find(({ contract, capability }) => contract === row.contract && capability.id === row.capability.id);
  if (same) throw conflict(`${row.contract}/${row.capability.id}`, [same, row]);
  rows.push(row);
}

function conflict(what: string, rows: readonly Row[]): PlinthError {
  return new PlinthError(
    "PLINTH_CAPABILITY_CONFLICT",
    `${what} is provided by ${rows.map(({ capability }) => capability.extension).join(" and ")}.`,
    {
      next: "Keep one of them.",
    },
  );
}

export async function checkPayload(what: string, schema: unknown, value: unknown, extension: string): Promise<void> {
  const [problem] = await schemaProblems(schema, value);
  if (!problem) return;
  throw new PlinthError("PLINTH_PAYLOAD", `${what} does not fit its schema at ${problem.path || "/"}: ${problem.message}.`, {
    extension,
  });
}
