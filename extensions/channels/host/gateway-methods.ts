import { type Call, PlinthError } from "@plinth/sdk";
import { decide, turn } from "./actions.ts";
import { assertOwner } from "./callers.ts";
import type { Channels } from "./channels.ts";

type Method = (params: unknown, call: Call) => Promise<unknown>;

/** The methods of the WebSocket API. Parameters come from outside: each is checked here. */
export function gatewayMethods(channels: Channels): Record<string, Method> {
  const owners =
    (body: (params: Params) => unknown): Method =>
    async (params, call) => {
      assertOwner(call);
      return body(new Params(params));
    };
  const on = (isOn: boolean): Method =>
    owners(async (params) => ({ accounts: await turn(channels, params.text("channel"), params.optional("account"), isOn) }));
  return {
    "channels.list": owners(async () => ({ accounts: await channels.status() })),
    "channels.start": on(true),
    "channels.stop": on(false),
    "channels.people": owners(() => ({ people: channels.people.known(), asking: channels.people.asking() })),
    // Only in a shell somebody becomes the owner.
    "channels.pair": owners((params) => ({ person: channels.people.pair(params.text("code"), "guest") })),
    "channels.decide": owners((params) => {
      const standing = params.text("standing");
      if (standing === "owner")
        throw new PlinthError("PLINTH_PERMISSION", "Only in a shell somebody becomes the owner.", {
          next: "Run: plinth channels allow ADDRESS --owner",
        });
      return decide(channels, params.text("address"), standing);
    }),
  };
}

class Params {
  readonly #values: Record<string, unknown>;

  constructor(given: unknown) {
    this.#values = typeof given === "object" && given !== null ? { ...given } : {};
  }

  optional(name: string): string | undefined {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string" && value.length >= 1 && value.length <= 2_048) return value;
    throw new PlinthError("PLINTH_PARAMS", `The parameter "${name}" is a text.`, { next: "`methods.list` shows the parameters of each method." });
  }

  text(name: string): string {
    const value = this.optional(name);
    if (value !== undefined) return value;
    throw new PlinthError("PLINTH_PARAMS", `The parameter "${name}" is missing.`, { next: "`methods.list` shows the parameters of each method." });
  }
}
