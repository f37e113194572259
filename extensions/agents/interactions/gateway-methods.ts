import { PlinthError, type Provider } from "@plinth/sdk";
import type { Interactions } from "./interactions.ts";

type Method = Provider<"plinth.gateway-method">;
type Id = "approvals.list" | "approvals.watch" | "approvals.answer" | "approvals.history";

/** The methods of the WebSocket API. Parameters come from outside: each is checked here. */
export function gatewayMethods(interactions: Interactions): Record<Id, Method> {
  return {
    "approvals.list": { call: (params, call) => interactions.pending(read(params, "sessionKey"), call) },
    "approvals.watch": { open: (params, call) => interactions.changes(read(params, "sessionKey"), call) },
    "approvals.answer": {
      call: (params, call) => {
        const { id = "", option = "", digest = "" } = read(params, "id", "option", "digest");
        return interactions.answer({ id, option, digest }, call);
      },
    },
    "approvals.history": { call: (params, call) => interactions.history(read(params, "limit", "before"), call) },
  };
}

interface Params {
  sessionKey?: string;
  id?: string;
  option?: string;
  digest?: string;
  limit?: number;
  before?: number;
}

const TEXTS = new Set(["sessionKey", "id", "option", "digest"]);

/** Only what is named, and each as it has to be. */
function read(params: unknown, ...known: (keyof Params)[]): Params {
  const given = typeof params === "object" && params !== null ? Object.entries(params).filter(([, value]) => value != null) : [];
  for (const [name, value] of given) {
    const isFine = TEXTS.has(name) ? typeof value === "string" && value.length <= 256 : Number.isInteger(value) && (value as number) >= 1;
    if (known.includes(name as keyof Params) && isFine && (name !== "limit" || (value as number) <= 1_000)) continue;
    throw new PlinthError("PLINTH_PARAMS", `The parameter ${JSON.stringify(name.slice(0, 60))} is not understood.`, {
      next: "`methods.list` shows the parameters of each method.",
    });
  }
  return Object.fromEntries(given);
}
