import type { ModelOptions, ModelTool } from "@plinth/sdk";
import type { VendorTool } from "../asking.ts";
import { headerName, invalid, isToolName, objectOf, toolList, unsupported } from "../fields.ts";

/** A tool as the client named it, by the name that the model is told. */
export interface Handed {
  readonly name: string;
  readonly namespace?: string;
  /** Its input is a text and no JSON. */
  readonly custom: boolean;
}

export interface Tools {
  readonly tools: ModelTool[];
  readonly handed: ReadonlyMap<string, Handed>;
  /** That the model's vendor runs. */
  readonly vendorTools: readonly VendorTool[];
  /** Of what a model here is not bound to, and of searches without the web. */
  readonly ignored: string[];
}

type Fields = Record<string, unknown>;

/** Tools that a vendor runs, by OpenAI's names for them without a day. */
const VENDORS: Readonly<Record<string, string>> = {
  web_search: "web-search",
  web_search_preview: "web-search",
  file_search: "file-search",
  code_interpreter: "code-execution",
  image_generation: "image-generation",
};

/** The tools of a request: functions, texts, groups of both, and those that the model's vendor runs. */
export function readTools(value: unknown): Tools {
  const tools: ModelTool[] = [];
  const handed = new Map<string, Handed>();
  const ignored: string[] = [];
  const vendorTools: VendorTool[] = [];
  const add = (given: Fields, param: string, namespace?: string): void => {
    const { type, name } = given;
    if (type !== "function" && type !== "custom") return vendors(given, param);
    const told = toldName(name, namespace);
    if (!isToolName(name) || !isToolName(told)) throw invalid(`\`${param}\` must have a \`name\` of letters, digits, "_", "-" and ".".`, param);
    tools.push(type === "function" ? functionTool(told, given) : customTool(told, given));
    handed.set(told, { name, custom: type === "custom", ...(namespace === undefined ? {} : { namespace }) });
    if (objectOf(given.format)?.type === "grammar") ignored.push(`tools.${headerName(name)}.format`);
  };
  const vendors = ({ type, ...options }: Fields, param: string): void => {
    const word = String(type ?? "").slice(0, 64);
    // Codex offers a search with each request, whether or not it needs one, and says whether it may leave its cache.
    const { external_web_access: live, ...rest } = options;
    if (word === "web_search" && live === false) return void ignored.push("tools.web_search");
    if (word === "web_search" && live === true)
      return void vendorTools.push({ id: "web-search", options: rest, param, otherwise: "tools.web_search" });
    const id = Object.entries(VENDORS).find(([name]) => word.replace(/(_\d{4}(_\d{2}){2})$/, "") === name)?.[1];
    if (id === undefined) throw unsupported(param, `no model is offered ${word || "a tool without a type"} here. Describe a function of your own.`);
    vendorTools.push({ id, options, param });
  };
  for (const [index, one] of toolList(value).entries()) {
    const given = objectOf(one) ?? {};
    const param = `tools[${index}]`;
    if (given.type !== "namespace") add(given, param);
    else for (const inner of toolList(given.tools)) add(objectOf(inner) ?? {}, param, String(given.name));
  }
  return { tools, handed, vendorTools, ignored };
}

/** What a tool of a group is called where there are no groups. */
export const toldName = (name: unknown, namespace: unknown): string =>
  typeof namespace === "string" ? `${namespace.replace(/_+$/, "")}__${String(name)}` : String(name);

function functionTool(name: string, { description, parameters, strict }: Fields): ModelTool {
  return {
    name,
    description: typeof description === "string" ? description : "",
    input: objectOf(parameters) ?? { type: "object", properties: {} },
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
}

/** A model here is told the grammar, and not bound to it. */
function customTool(name: string, { description, format }: Fields): ModelTool {
  const { type, syntax, definition } = objectOf(format) ?? {};
  const grammar = type === "grammar" && typeof definition === "string" ? `\n\nThe input follows this ${String(syntax)} grammar:\n${definition}` : "";
  return {
    name,
    description: `${typeof description === "string" ? description : ""}${grammar}`,
    input: {
      type: "object",
      properties: { input: { type: "string", description: "The whole input." } },
      required: ["input"],
      additionalProperties: false,
    },
  };
}

/** What a model wrote for a tool whose input is a text. */
export const customInput = (args: Readonly<Record<string, unknown>>): string =>
  typeof args.input === "string" && Object.keys(args).length === 1 ? args.input : JSON.stringify(args);

type Choice = Pick<ModelOptions, "toolChoice"> & { only?: ReadonlySet<string> };

/** @property only of the tools, those that may be called. */
export function readChoice(value: unknown, { handed }: Tools): Choice {
  if (value === undefined || value === null || value === "auto") return {};
  if (value === "none" || value === "required") return { toolChoice: value };
  const { type, name, namespace, mode, tools } = objectOf(value) ?? {};
  if (type === "allowed_tools" && Array.isArray(tools)) {
    const only = new Set(tools.map((one: unknown) => toldName(objectOf(one)?.name, objectOf(one)?.namespace)));
    return { only, ...(mode === "required" ? { toolChoice: "required" as const } : {}) };
  }
  const told = toldName(name, namespace);
  if ((type === "function" || type === "custom") && handed.has(told)) return { toolChoice: { name: told } };
  if (type !== "function" && type !== "custom" && typeof type === "string")
    throw unsupported("tool_choice", `${type} is a tool of OpenAI's server. Name one of your own.`);
  throw invalid("`tool_choice` must be auto, none, required, or one of the functions in `tools`.", "tool_choice");
}
