import { type Call, PlinthError, type Provider } from "@plinth/sdk";
import type { Given } from "./given.ts";
import type { Interactions } from "./interactions.ts";
import { isOf, type Sort } from "./sort.ts";
import type { Change } from "./watchers.ts";

type Method = Provider<"plinth.gateway-method">;
type Verb = "list" | "watch" | "answer" | "history";
type Id = `approvals.${Verb}` | `questions.${Verb}`;
/** The methods of the WebSocket API. Parameters come from outside: each is checked here. */
export function gatewayMethods(interactions: Interactions): Record<Id, Method> {
  return { ...methodsOf("approvals", interactions), ...methodsOf("questions", interactions) };
}

function methodsOf<S extends Sort>(sort: S, interactions: Interactions): Record<`${S}.${Verb}`, Method> {
  const methods: Record<Verb, Method> = {
    list: {
      call: (params, call) => ({
        requests: interactions.pending(read(params, "sessionKey"), call).requests.filter((request) => isOf(sort, request)),
      }),
    },
    watch: { open: (params, call) => only(sort, interactions.changes(read(params, "sessionKey"), call)) },
    answer: {
      call: (params, call) => {
        const said = sort === "approvals" ? read(params, "id", "option", "digest") : read(params, "id", "option", "digest", "values", "decline");
        return interactions.answer({ id: "", digest: "", ...(sort === "approvals" ? { option: "" } : {}), ...said } as Given, call);
      },
    },
    history: { call: (params, call: Call) => interactions.history({ ...read(params, "limit", "before"), sort }, call) },
  };
  return Object.fromEntries(Object.entries(methods).map(([verb, method]) => [`${sort}.${verb}`, method])) as Record<`${S}.${Verb}`, Method>;
}

async function* only(sort: Sort, changes: AsyncIterable<Change>): AsyncGenerator<Change, void> {
  for await (const change of changes) {
    if (change.state === "pending") yield { ...change, requests: change.requests.filter((request) => isOf(sort, request)) };
    else if (isOf(sort, change.request)) yield change;
  }
}

interface Params {
  sessionKey?: string;
  id?: string;
  option?: string;
  digest?: string;
  values?: Record<string, unknown>;
  decline?: boolean;
  limit?: number;
  before?: number;
}

const TEXTS = new Set(["sessionKey", "id", "option", "digest"]);

/** Only what is named, and each as it has to be. */
function read(params: unknown, ...known: (keyof Params)[]): Params {
  const all = typeof params === "object" && params !== null ? Object.entries(params).filter(([, value]) => value != null) : [];
  for (const [name, value] of all) {
    if (known.includes(name as keyof Params) && isFine(name, value)) continue;
    throw new PlinthError("PLINTH_PARAMS", `The parameter ${JSON.stringify(name.slice(0, 60))} is not understood.`, {
      next: "`methods.list` shows the parameters of each method.",
    });
  }
  return Object.fromEntries(all);
}

function isFine(name: string, value: unknown): boolean {
  if (TEXTS.has(name)) return typeof value === "string" && value.length <= 256;
  if (name === "values") return typeof value === "object" && !Array.isArray(value);
  if (name === "decline") return typeof value === "boolean";
  return Number.isInteger(value) && (value as number) >= 1 && (name !== "limit" || (value as number) <= 1_000);
}
