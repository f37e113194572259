/** What one agent is, as far as it was set. */
export interface AgentConfig {
  title?: string;
  model?: string;
  fallbacks?: string[];
  harness?: string;
  workspace?: string;
  system?: string | string[];
  /** `off`, or one of the model's efforts. */
  thinking?: string;
  tools?: { allow?: string[]; deny?: string[] };
  identity?: Identity;
}

export interface Identity {
  name?: string;
  theme?: string;
  emoji?: string;
  /** A path in the workspace, an http(s) address or a data URL. */
  avatar?: string;
}

/** As the router's own configuration has them: what stands at its top is the agent `main`. */
export interface AgentsConfig extends AgentConfig {
  agents?: { defaults?: AgentConfig; entries?: Record<string, AgentConfig> };
}

export interface Agent {
  id: string;
  title: string;
  model: string;
  fallbacks?: string[];
  harness: string;
  /** Absolute; absent: the product's own place for it. */
  workspace?: string;
  system: string[];
  thinking?: string;
  tools?: { allow?: string[]; deny?: string[] };
  identity?: Identity;
}

export const MAIN = "main";

/**
 * An agent as it is in force. What it says itself goes before the defaults; `tools` and `identity` are put together field by
 * field, and what the defaults deny nobody has again. `workspace` of the defaults is the folder in which each has its own.
 */
export function agentOf(config: AgentsConfig, id: string): Agent {
  const { defaults = {}, entries = {} } = config.agents ?? {};
  const { title, model, fallbacks, harness, workspace, system, thinking, tools, identity } = config;
  const top: AgentConfig = id === MAIN ? plain({ title, model, fallbacks, harness, workspace, system, thinking, tools, identity }) : {};
  const own = Object.hasOwn(entries, id) ? (entries[id] ?? {}) : {};
  const layers = [defaults, top, own];
  const { title: _, workspace: parent, identity: __, ...shared } = defaults;
  const merged: AgentConfig = { ...shared, ...top, ...own };
  const place = merged.workspace ?? (parent === undefined ? undefined : `${parent.replace(/\/+$/, "")}/${id}`);
  const deny = [...new Set(layers.flatMap((one) => one.tools?.deny ?? []))];
  const allow = layers.findLast((one) => one.tools?.allow !== undefined)?.tools?.allow;
  const who: Identity = Object.assign({}, ...layers.map((one) => one.identity ?? {}));
  return {
    id,
    title: merged.title ?? who.name ?? titleOf(id),
    model: merged.model ?? "auto",
    harness: merged.harness ?? "native",
    system: typeof merged.system === "string" ? [merged.system] : [...(merged.system ?? [])],
    ...(merged.fallbacks === undefined ? {} : { fallbacks: merged.fallbacks }),
    ...(place === undefined ? {} : { workspace: place }),
    ...(merged.thinking === undefined ? {} : { thinking: merged.thinking }),
    ...(allow === undefined && deny.length === 0
      ? {}
      : { tools: { ...(allow === undefined ? {} : { allow }), ...(deny.length === 0 ? {} : { deny }) } }),
    ...(Object.keys(who).length === 0 ? {} : { identity: who }),
  };
}

const titleOf = (id: string): string => `${id.charAt(0).toUpperCase()}${id.slice(1)}`;

function plain(fields: { [K in keyof AgentConfig]: AgentConfig[K] | undefined }): AgentConfig {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as AgentConfig;
}
