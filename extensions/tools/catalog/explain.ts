import { type CatalogTool, type Context, nearNames, PlinthError, type ToolDecision, type ToolPlace, type ToolRules } from "@plinth/sdk";
import type { Catalog } from "./catalog.ts";

/** Whom a list is for, as people ask: where nobody is named, the router's own agent. */
export type Asked = { [K in "agent" | "session" | "channel" | "sender" | "model"]?: string };

/** A tool with what becomes of it there. */
export interface Explained {
  tool: CatalogTool;
  offered: boolean;
  /** It is there and has to be searched for. */
  searched: boolean;
  /** What took it away: a level of the policy, or what the tool says of itself. */
  level?: string;
  rule?: string;
  levels: NonNullable<ToolDecision["levels"]>;
}

export interface Explanation {
  place: ToolPlace;
  tools: Explained[];
}

type Parts = Pick<Context, "use" | "currentWork">;

/** Each tool with whether it is offered in a place and who decided that. The policy's code runs, as it would where it is configured. */
export async function explained(catalog: Catalog, ctx: Parts, asked: Asked, names?: readonly string[]): Promise<Explanation> {
  const all = (await catalog.list({ everything: true })).tools;
  for (const name of names ?? []) if (!all.some((tool) => tool.name === name)) throw noTool(name, all);
  const tools = names === undefined ? all : all.filter(({ name }) => names.includes(name));
  const { place, rules } = await placeOf(ctx, asked);
  const decisions = await catalog.gate.decide({ places: [place], rules, tools, explain: true });
  return { place, tools: tools.map((tool, at) => explanation(tool, decisions[at] as ToolDecision, place)) };
}

function explanation(tool: CatalogTool, { offered, level, rule, levels = [] }: ToolDecision, { surface }: ToolPlace): Explained {
  const { hidden, surfaces, deferred = false } = tool.descriptor;
  const itself = hidden
    ? "it is hidden from models"
    : surfaces !== undefined && surface !== undefined && !surfaces.includes(surface)
      ? `it is for ${surfaces.join(", ")} only`
      : undefined;
  if (itself !== undefined) {
    const own = { level: "the tool itself", offered: false, rule: itself };
    return { tool, searched: false, ...own, levels: [own, ...levels] };
  }
  const away = offered ? {} : { ...(level === undefined ? {} : { level }), rule: rule ?? "it is not offered" };
  return { tool, offered, searched: offered && deferred, ...away, levels };
}

/** As the router would have it; what was named stands. */
async function placeOf(ctx: Parts, { agent, session, channel, sender, model }: Asked): Promise<{ place: ToolPlace; rules: ToolRules[] }> {
  const said = {
    ...(agent === undefined ? {} : { agent }),
    ...(session === undefined ? {} : { sessionKey: session }),
    ...(model === undefined ? {} : { model }),
    ...(sender === undefined ? {} : { sender }),
  };
  const surfaced = channel === undefined ? {} : { surface: channel };
  if ((await ctx.use("plinth.router").list()).length === 0) return { place: { ...said, ...surfaced }, rules: [] };
  const route = await ctx
    .use("plinth.router")
    .one()
    .route({ surface: channel ?? "command", ...said });
  const place = { agent: route.agent, sessionKey: route.sessionKey, model: route.model, ...said, ...surfaced };
  return { place, rules: route.tools === undefined ? [] : [{ level: "route", ...route.tools }] };
}

export function noTool(name: string, tools: readonly CatalogTool[]): PlinthError {
  const near = nearNames(
    name,
    tools.map((one) => one.name),
  );
  const next = near.length > 0 ? `Is it ${near.join(" or ")}?` : "`plinth tools list` shows what there is.";
  return new PlinthError("PLINTH_TOOL_UNKNOWN", `There is no tool ${JSON.stringify(name.slice(0, 80))}.`, { next });
}
