import type { ContentPart } from "@plinth/sdk";
import type { Unsupported } from "@plinth/sdk/kits/model-api";
import { type Graph, isValue } from "./graph.ts";
import type { Workflow } from "./workflows.ts";

type Bytes = Extract<ContentPart, { type: "image" | "audio" | "video" }>;

/** Fields that bring files, and where they go besides the place of their own name. */
const FILES: Readonly<Record<string, string>> = {
  images: "images",
  mask: "mask",
  first: "images",
  last: "images",
  references: "images",
  edit: "video",
  extend: "video",
  audio: "audio",
  reference: "audio",
};
const PLAIN = ["negativePrompt", "steps", "guidance", "strength", "fps", "seconds", "lyrics"];
const OTHERS = ["aspect", "resolution", "quality", "style", "background", "format", "compression", "previews", "moderation", "enhance", "watermark"];
const FOR_FILMS = ["sound", "loop", "instrumental", "sampleRate", "bitRate"];
const SEEDS = 2 ** 32;
/** Nodes that read and write files by the names that they are given. */
const FILED = /^(Load|Save|Preview|VHS_)/i;

/** A workflow with the request's values in its places, and the seed that it has. */
export async function filled(
  { graph, places, name }: Workflow,
  request: Record<string, any>,
  unsupported: Unsupported,
  upload: (part: Bytes, field: string) => Promise<string>,
): Promise<{ graph: Graph; seed: number | undefined }> {
  const nodes: Record<string, any> = structuredClone(graph);
  const put = (field: string, values: readonly unknown[]): boolean => {
    const there = Object.hasOwn(places, field) ? places[field]! : [];
    for (const [at, [node, input]] of there.entries()) {
      const value = values.length === 1 ? values[0] : values[at];
      if (value !== undefined && Object.hasOwn(nodes, node)) nodes[node].inputs[input] = value;
    }
    return there.length > 0;
  };
  const wanted = (field: string, value: unknown): void => {
    if (value !== undefined && value !== false && !put(field, [value])) unsupported.leave(field, `"${field}" with the workflow ${name}`);
  };
  if (!put("prompt", [request.prompt]) && request.prompt !== "") unsupported.leave("prompt", `a prompt with the workflow ${name}`);
  for (const field of PLAIN) wanted(field, request[field]);
  for (const field of [...OTHERS, ...FOR_FILMS])
    if (request[field] !== undefined && request[field] !== false) unsupported.leave(field, `"${field}" with the workflow ${name}`);
  if (request.size !== undefined && (!put("width", [request.size.width]) || !put("height", [request.size.height])))
    unsupported.leave("size", `a size with the workflow ${name}`);
  if ((request.count ?? 1) > 1) wanted("count", request.count);
  else put("count", [1]);
  // The same work would not be done again: without a seed each is another one.
  const seed: number = request.seed ?? Math.floor(Math.random() * SEEDS);
  const seeded = put("seed", [seed]);
  if (request.seed !== undefined && !seeded) unsupported.leave("seed", `a seed with the workflow ${name}`);
  await putFiles(places, request, unsupported, name, upload, put);
  putOwn(nodes, request.vendor?.comfyui, unsupported, name);
  return { graph: nodes, seed: seeded ? seed : undefined };
}

/**
 * What only this workflow has: by node and input, other values in the place of plain ones. It stays the person's workflow, whoever asks:
 * no node is added or becomes another, nothing is linked otherwise, and no other file is read or written.
 */
function putOwn(nodes: Record<string, any>, own: unknown, unsupported: Unsupported, name: string): void {
  for (const [id, inputs] of Object.entries((own ?? {}) as object)) {
    const node = Object.hasOwn(nodes, id) && !FILED.test(nodes[id].class_type) ? nodes[id] : undefined;
    for (const [input, value] of Object.entries(typeof inputs === "object" && inputs !== null ? inputs : { "": inputs })) {
      if (node !== undefined && Object.hasOwn(node.inputs, input) && isValue(node.inputs[input]) && isValue(value)) node.inputs[input] = value;
      else unsupported.leave("vendor", `"${id}.${input}" of its own with the workflow ${name}`.slice(0, 300));
    }
  }
}

async function putFiles(
  places: Workflow["places"],
  request: Record<string, any>,
  unsupported: Unsupported,
  name: string,
  upload: (part: Bytes, field: string) => Promise<string>,
  put: (field: string, values: readonly unknown[]) => boolean,
): Promise<void> {
  const shared: Record<string, string[]> = {};
  for (const [field, other] of Object.entries(FILES)) {
    const parts: Bytes[] = [request[field] ?? []].flat();
    if (parts.length === 0) continue;
    const own = Object.hasOwn(places, field) && field !== other;
    const room = (places[own ? field : other] ?? []).length - (own ? 0 : (shared[other]?.length ?? 0));
    if (parts.length > room)
      unsupported.leave(field, room === 0 ? `"${field}" with the workflow ${name}` : `more than ${room} of "${field}" with the workflow ${name}`);
    const names: string[] = [];
    for (const part of parts.slice(0, Math.max(0, room))) names.push(await upload(part, field));
    if (own) put(field, [...names, undefined]);
    else (shared[other] ??= []).push(...names);
  }
  // What is not brought stays as the workflow has it.
  for (const [field, names] of Object.entries(shared)) put(field, [...names, undefined]);
}
