import { type Context, errorInfo } from "@plinth/sdk";
import { failure, type Medium } from "@plinth/sdk/kits/model-api";
import type { Graph } from "./graph.ts";
import { type Places, placesIn } from "./places.ts";

export interface Config {
  readonly baseUrl: string;
  readonly workflows: Readonly<Record<string, Own>>;
}

interface Own {
  readonly title?: string;
  readonly makes?: Medium;
  readonly inputs?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Workflow {
  readonly name: string;
  readonly title: string;
  readonly makes: Medium;
  readonly graph: Graph;
  readonly places: Places;
}

const FOLDER = "data";
const NAME = /^(\w[\w. -]{0,120})\.json$/;
const MOST_BYTES = 1_048_576;
const MOST = 256;

/** What saves what, by words of its class. */
const SAVES: readonly (readonly [Medium, RegExp])[] = [
  ["video", /^(Save|VHS_).*(Video|WEBM)/i],
  ["audio", /^Save.*Audio/i],
  ["image", /^(Save|Preview).*Image/i],
];

/** The workflows that a person put into the extension's folder, each a file in API format. What is none is passed over. */
export async function workflowsIn(ctx: Context, config: Config): Promise<Workflow[]> {
  const files = await ctx.files.list(FOLDER);
  const found: Workflow[] = [];
  for (const { name, kind, size } of files.slice(0, MOST)) {
    if (kind !== "file" || !NAME.test(name) || (size ?? 0) > MOST_BYTES) continue;
    try {
      const workflow = await read(ctx, name, config);
      if (workflow !== undefined) found.push(workflow);
    } catch (thrown) {
      ctx.log.warn("a workflow cannot be read", { file: name, why: errorInfo(thrown).message });
    }
  }
  return found;
}

async function read(ctx: Context, file: string, config: Config): Promise<Workflow | undefined> {
  const graph = graphOf(JSON.parse(await ctx.files.readText(`${FOLDER}/${file}`)));
  const name = NAME.exec(file)![1]!;
  const own = Object.hasOwn(config.workflows, name) ? config.workflows[name]! : {};
  const makes = own.makes ?? (graph === undefined ? undefined : madeBy(graph));
  if (graph === undefined || makes === undefined) {
    ctx.log.warn("a file is no workflow in API format, or saves nothing", { file });
    return undefined;
  }
  return { name, title: own.title ?? name, makes, graph, places: placesIn(graph, own.inputs ?? {}) };
}

/** Exported with "Export (API)": a node by each id. The format in which the page keeps workflows is another one. */
function graphOf(value: any): Graph | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const nodes = Object.entries(value);
  const isNode = ([, node]: [string, any]) => typeof node?.class_type === "string" && typeof node?.inputs === "object" && node.inputs !== null;
  return nodes.length > 0 && nodes.every(isNode) ? value : undefined;
}

function madeBy(graph: Graph): Medium | undefined {
  const classes = Object.values(graph).map(({ class_type }) => class_type);
  return SAVES.find(([, pattern]) => classes.some((one) => pattern.test(one)))?.[0];
}

export function workflowNamed(all: readonly Workflow[], wanted: string | undefined): Workflow {
  const found = wanted === undefined ? all[0] : all.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  throw failure(
    "UNKNOWN",
    wanted === undefined ? "ComfyUI has no workflow for that." : `ComfyUI has no workflow "${wanted.slice(0, 128)}" for that.`,
    {
      next: "Put one in API format into state/plinth.comfyui in Plinth's home.",
      details: { alternatives: all.map(({ name }) => name) },
    },
  );
}
