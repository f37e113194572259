import { type Call, PlinthError } from "@plinth/sdk";
import { entryOf, explained, type Question } from "./actions.ts";
import { matchOf } from "./binding-text.ts";
import { type Asked, assertOwner, type Roster, usage } from "./roster.ts";

const QUESTION = ["address", "channel", "account", "peer", "thread", "guild", "team", "parent", "agent", "session"] as const;

/** The methods of the WebSocket API. Parameters come from outside: each is checked here. */
const methods: Record<string, (params: Params, roster: Roster) => unknown> = {
  "agents.list": async (_, roster) => ({ agents: await roster.list() }),
  "agents.bindings": (params, roster) => ({ bindings: roster.bindings(params.text("agent")) }),
  "agents.add": (params, roster) => {
    const { title, model, harness, workspace } = params.texts("title", "model", "harness", "workspace");
    if (workspace !== undefined && !workspace.startsWith("/")) throw usage("A workspace is an absolute path.", "Begin it with a slash.");
    const entry = entryOf({ ...(title && { title }), ...(model && { model }), ...(harness && { harness }), ...(workspace && { workspace }) });
    return roster.add(params.needed("agent"), entry, params.list("bind").map(matchOf));
  },
  "agents.bind": (params, roster) => roster.bind(params.needed("agent"), params.list("bind").map(matchOf)),
  "agents.unbind": (params, roster) => roster.unbind(params.needed("agent"), params.list("bind").map(matchOf)),
  "agents.delete": (params, roster) => roster.delete(params.needed("agent")),
  // A file of this machine is named in a shell only; here it is the workspace's own.
  "agents.identity": (params, roster) =>
    roster.setIdentity({ ...params.texts("agent", "name", "theme", "emoji", "avatar"), fromFile: params.flag("fromIdentity") } as Asked),
  "route.explain": (params, roster) => {
    const roles = params.list("roles");
    const question: Question = { ...params.texts(...QUESTION), ...(roles.length === 0 ? {} : { roles }) };
    return explained(roster.config, question, !params.flag("guest"));
  },
};

export async function gatewayMethod(id: string, given: unknown, roster: Roster, call: Call): Promise<unknown> {
  assertOwner(call);
  return methods[id]?.(new Params(given), roster);
}

class Params {
  readonly #values: Record<string, unknown>;

  constructor(given: unknown) {
    this.#values = typeof given === "object" && given !== null ? { ...given } : {};
  }

  text(name: string): string | undefined {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" && value.length >= 1 && value.length <= 65_536) return value;
    throw wrong(name, "is a text");
  }

  needed(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw wrong(name, "is missing");
    return value;
  }

  texts<K extends string>(...names: K[]): { [N in K]?: string } {
    return Object.fromEntries(names.map((name) => [name, this.text(name)]).filter(([, value]) => value !== undefined)) as { [N in K]?: string };
  }

  list(name: string): string[] {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.length <= 100 && value.every((one) => typeof one === "string" && one.length <= 2_048)) return value;
    throw wrong(name, "is a list of texts");
  }

  flag(name: string): boolean {
    return Object.hasOwn(this.#values, name) && this.#values[name] === true;
  }
}

const wrong = (name: string, what: string): PlinthError =>
  new PlinthError("PLINTH_PARAMS", `The parameter "${name}" ${what}.`, { next: "`methods.list` shows the parameters of each method." });
