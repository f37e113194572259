import { type Graph, isValue } from "./graph.ts";

/** Where the value of a field goes: the inputs of nodes. */
export type Place = readonly [node: string, input: string];
export type Places = Readonly<Record<string, readonly Place[]>>;

/** How far the text of a prompt may be from what samples with it. */
const DEPTH = 12;
const TEXTS = ["text", "prompt", "value", "string", "tags"];
/** By the names that nodes have for numbers, where nothing else is said. */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  seed: ["seed", "noise_seed"],
  steps: ["steps"],
  guidance: ["cfg", "guidance"],
  strength: ["denoise"],
  fps: ["fps", "frame_rate"],
  seconds: ["seconds"],
};
const FILES: Readonly<Record<string, RegExp>> = { images: /^LoadImage$/, audio: /^LoadAudio$/, video: /^LoadVideo$/ };

/**
 * Where the fields of a request go. What the configuration says counts; then a node whose title is the field's name; then what is
 * plain in the workflow: the texts that its sampler is given, the size of the empty picture, seeds, steps.
 */
export function placesIn(graph: Graph, given: Readonly<Record<string, string | readonly string[]>>): Places {
  const places: Record<string, readonly Place[]> = { ...foundIn(graph), ...titledIn(graph) };
  for (const [field, where] of Object.entries(given)) {
    const all = [where].flat().map((one): Place => [one.slice(0, one.indexOf(".")), one.slice(one.indexOf(".") + 1)]);
    places[field] = all.filter(([node]) => Object.hasOwn(graph, node));
  }
  return places;
}

/** `seed`, `Negative Prompt`: titles that people gave to nodes. */
function titledIn(graph: Graph): Record<string, Place[]> {
  const found: Record<string, Place[]> = {};
  for (const [id, { inputs, _meta }] of Object.entries(graph)) {
    const title = (_meta?.title ?? "").toLowerCase().replace(/[^a-z]/g, "");
    const field = FIELDS.find((one) => one.toLowerCase() === title);
    const input =
      field === undefined ? undefined : [field, ...(NUMBERS[field] ?? []), ...TEXTS, "image", "audio", "file"].find((one) => isValue(inputs[one]));
    if (field !== undefined && input !== undefined) (found[field] ??= []).push([id, input]);
  }
  return found;
}

const FIELDS = [
  ...["prompt", "negativePrompt", "seed", "steps", "guidance", "strength", "width", "height", "count", "fps", "seconds", "lyrics"],
  ...["images", "mask", "first", "last", "references", "audio", "edit", "extend", "reference"],
];

function foundIn(graph: Graph): Record<string, readonly Place[]> {
  const nodes = Object.entries(graph);
  const found: Record<string, readonly Place[]> = {};
  for (const [field, names] of Object.entries(NUMBERS)) {
    const places = nodes.flatMap(([id, { inputs }]) => names.flatMap((name): Place[] => (typeof inputs[name] === "number" ? [[id, name]] : [])));
    if (places.length > 0) found[field] = places;
  }
  const empty = nodes.filter(
    ([, { class_type: one, inputs }]) => /^Empty/.test(one) && typeof inputs.width === "number" && typeof inputs.height === "number",
  );
  if (empty.length > 0) {
    found.width = empty.map(([id]) => [id, "width"]);
    found.height = empty.map(([id]) => [id, "height"]);
  }
  const batches = nodes.filter(([, { class_type: one, inputs }]) => /^Empty/.test(one) && typeof inputs.batch_size === "number");
  if (batches.length > 0) found.count = batches.map(([id]) => [id, "batch_size"]);
  for (const [field, link] of [
    ["prompt", "positive"],
    ["negativePrompt", "negative"],
  ] as const) {
    const places = nodes.flatMap(([, { inputs }]) => textBehind(graph, inputs[link], DEPTH));
    if (places.length > 0) found[field] = unique(places);
  }
  const texts = nodes.filter(([, { inputs }]) => typeof inputs.text === "string" || typeof inputs.prompt === "string");
  // One text in all of it is what it is asked for.
  if (found.prompt === undefined && texts.length === 1)
    found.prompt = [[texts[0]![0], typeof texts[0]![1].inputs.text === "string" ? "text" : "prompt"]];
  for (const [field, pattern] of Object.entries(FILES)) {
    const places = nodes
      .filter(([, { class_type }]) => pattern.test(class_type))
      .flatMap(([id, { inputs }]): Place[] => {
        const input = ["image", "audio", "file", "video"].find((one) => typeof inputs[one] === "string");
        return input === undefined ? [] : [[id, input]];
      });
    if (places.length > 0) found[field] = places;
  }
  return found;
}

/** The text that leads to an input, through whatever changes it on the way. */
function textBehind(graph: Graph, link: unknown, depth: number): Place[] {
  if (!Array.isArray(link) || typeof link[0] !== "string" || depth === 0 || !Object.hasOwn(graph, link[0])) return [];
  const { inputs } = graph[link[0]]!;
  const own = TEXTS.find((one) => typeof inputs[one] === "string");
  if (own !== undefined) return [[link[0], own]];
  const next = inputs.conditioning ?? inputs.positive ?? TEXTS.map((one) => inputs[one]).find(Array.isArray);
  return textBehind(graph, next, depth - 1);
}

const unique = (places: readonly Place[]): Place[] => places.filter(([a, b], at) => places.findIndex(([c, d]) => a === c && b === d) === at);
