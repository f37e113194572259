import type { Client, Context, Effect, ToolDescriptor } from "@plinth/sdk";

type Question = Parameters<Client<"plinth.policy">["check"]>[0];

/** What a tool says of itself, as far as it decides who may call it. */
export interface Said {
  /** As models call it. */
  readonly name: string;
  /** Whose word it is, where it is not the product's. */
  readonly from: string | undefined;
  readonly effects: readonly Effect[];
  readonly approval: "never" | "ask" | "by-policy";
  readonly ownerOnly: boolean;
  /** Of all that a tool of a set says; a manifest's does not change while it runs. */
  readonly digest: string | undefined;
}

/** A set's tool is looked up in the catalog; one that it does not know does all that its set may. */
export async function saidBy({ contract, id, provider, effects, descriptor, trusted, input }: Question, ctx: Pick<Context, "use">): Promise<Said> {
  const party = trusted ? undefined : provider;
  if (contract !== "plinth.tool-set") return said(id, party, effects, descriptor as Partial<ToolDescriptor> | undefined, undefined);
  const { tool = "", source } = (input ?? {}) as { tool?: string; source?: string };
  const place = { set: id, tool, ...(source === undefined ? {} : { source }) };
  const { tool: found } = await ctx.use("plinth.tool-catalog").one().find(place);
  if (found === undefined) return said(`${id}: ${tool}`.slice(0, 256), party ?? id, effects, undefined, undefined);
  return said(found.name, found.from ?? party, found.descriptor.effects, found.descriptor, found.digest);
}

function said(
  name: string,
  from: string | undefined,
  effects: readonly string[],
  { approval = "by-policy", ownerOnly = false }: Partial<ToolDescriptor> = {},
  digest: string | undefined,
): Said {
  // That nobody need be asked is for the product to say.
  return {
    name,
    from,
    effects: effects as Effect[],
    approval: approval === "never" && from !== undefined ? "by-policy" : approval,
    ownerOnly,
    digest,
  };
}
