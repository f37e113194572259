import { createHash } from "node:crypto";
import {
  type Capability,
  type CatalogTool,
  canonicalJson,
  type Descriptor,
  hidesWithin,
  type SetTool,
  type ToolDescriptor,
  type ToolProblem,
} from "@plinth/sdk";

type ToolCapability = Capability<Descriptor<"plinth.tool">>;
type SetCapability = Capability<Descriptor<"plinth.tool-set">>;

export interface Entries {
  tools: CatalogTool[];
  problems: ToolProblem[];
}

const LONGEST = 64;
/** Between a set's id and the rest of a name. No set's id has it, so what stands before the first one is whose tool it is. */
const SEAM = "__";
const SET_ID = /^[a-z][a-z0-9-]*$/;

const sha = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

/** By descriptor, which is a manifest's and never changes: every model call lists them all. */
const known = new WeakMap<object, CatalogTool>();

/** A manifest's tools. */
export function toolsOf(capabilities: readonly ToolCapability[]): Entries {
  const tools: CatalogTool[] = [];
  const problems: ToolProblem[] = [];
  for (const { id: name, extension, trusted, descriptor } of capabilities) {
    if (!trusted && name.includes(SEAM)) {
      problems.push(reserved(`${extension}: ${name}`, `The name ${name} is that of a tool set's tool.`));
      continue;
    }
    let tool = known.get(descriptor);
    if (tool?.name !== name || tool.extension !== extension || (tool.from === undefined) !== trusted) {
      tool = { name, extension, ...(trusted ? {} : { from: extension }), descriptor, digest: sha({ name, descriptor }) };
      known.set(descriptor, tool);
    }
    tools.push(tool);
  }
  return { tools, problems };
}

/** What a set lists, each under a name of its own; what says more than the set may, or goes by another's name, is left out. */
export function setToolsOf({ id: set, extension, trusted, descriptor: { effects: most } }: SetCapability, listed: readonly SetTool[]): Entries {
  if (!SET_ID.test(set)) return { tools: [], problems: [reserved(`${extension}: ${set}`, "A set's id has small letters, digits and - only.")] };
  const tools = new Map<string, CatalogTool>();
  const problems: ToolProblem[] = [];
  for (const { name: tool, source, effects = most, ...said } of listed) {
    const name = nameOf(set, source, tool);
    const over = effects.filter((one) => !most.includes(one));
    if (over.length > 0) problems.push({ what: name, code: "PLINTH_UNDECLARED", message: `It says ${over.join(", ")}, which its set may not.` });
    else if (hidesWithin([tool, said]))
      problems.push({ what: name, code: "PLINTH_MANIFEST", message: "Its text has characters that cannot be seen." });
    else if (tools.has(name)) problems.push(reserved(name, "Another tool of its set has this name already."));
    else {
      const from = !trusted ? extension : source === undefined ? undefined : `${set}:${source}`;
      const descriptor: ToolDescriptor = { ...said, effects: [...effects] };
      const place = { name, extension, set, tool, ...(source === undefined ? {} : { source }), ...(from === undefined ? {} : { from }) };
      tools.set(name, { ...place, descriptor, digest: sha({ ...place, descriptor }) });
    }
  }
  return { tools: [...tools.values()], problems };
}

/** As a model calls it: every provider of models takes these characters, and this length. */
export function nameOf(set: string, source: string | undefined, tool: string): string {
  const name = [set, ...(source === undefined ? [] : [source]), tool.replace(/[^A-Za-z0-9_-]/g, "_")].join(SEAM);
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 9)}_${sha([set, source ?? null, tool]).slice(0, 8)}`;
}

/** Of all that a party's tools say; the order is the list's own. */
export const digestOfAll = (tools: readonly CatalogTool[]): string => sha(tools.map(({ digest }) => digest).sort());

const reserved = (what: string, message: string): ToolProblem => ({
  what: what.slice(0, 256),
  code: "PLINTH_RESERVED",
  message: message.slice(0, 1_000),
});
