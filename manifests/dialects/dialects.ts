/** What a server takes of tools: names, how many, and which JSON Schema of their input. */
export interface Dialect {
  /** The page that says so. */
  readonly source: string;
  readonly name: { readonly pattern: string; readonly longest: number };
  readonly mostTools?: number;
  /** Keywords that may not stand at the root; the root is an object with `properties` in every dialect. */
  readonly notAtRoot: readonly string[];
  /** Every schema of an object has `properties`, every one of an array has `items`. */
  readonly complete: boolean;
  /** Keywords that it knows. Absent: all. */
  readonly only?: readonly string[];
  /** Keywords that it refuses. */
  readonly without?: readonly string[];
  /** Values of `format`. Absent: any. */
  readonly formats?: readonly string[];
  /** false: no `$ref`; what is referred to stands in its place. */
  readonly references: boolean;
  /** single: every schema has one `type`, and `nullable` says that null is taken besides. */
  readonly types: "any" | "single";
  /** true: the model is bound to each schema that `strictSchema` can say. */
  readonly strict?: true;
}

const COMBINING = ["anyOf", "oneOf", "allOf", "not", "enum", "const", "if", "then", "else"];
const WORD = "^[A-Za-z0-9_-]+$";

const openai: Dialect = {
  source: "https://platform.openai.com/docs/api-reference/chat/create",
  name: { pattern: WORD, longest: 64 },
  mostTools: 128,
  notAtRoot: COMBINING,
  complete: true,
  references: true,
  types: "any",
};

/** By name: those of protocols, and of vendors that take less. */
export const DIALECTS = {
  openai,
  /** OpenAI's, with its strict mode. */
  "openai-strict": { ...openai, source: "https://platform.openai.com/docs/guides/structured-outputs#supported-schemas", strict: true },
  anthropic: {
    source: "https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use",
    name: { pattern: WORD, longest: 64 },
    notAtRoot: ["anyOf", "oneOf", "allOf"],
    complete: false,
    references: true,
    types: "any",
  },
  bedrock: {
    source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html",
    name: { pattern: WORD, longest: 64 },
    notAtRoot: COMBINING,
    complete: false,
    references: true,
    types: "any",
  },
  /** Google's selection of OpenAPI 3.0, in the field `parameters`. */
  gemini: {
    source: "https://ai.google.dev/api/caching#Schema",
    name: { pattern: "^[A-Za-z_][A-Za-z0-9_.-]*$", longest: 64 },
    notAtRoot: COMBINING,
    complete: true,
    only: [
      ...["type", "title", "description", "nullable", "enum", "format", "items", "properties", "required", "anyOf", "pattern"],
      ...["minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "minProperties", "maxProperties", "propertyOrdering"],
    ],
    formats: ["enum", "date-time"],
    references: false,
    types: "single",
  },
  volcengine: {
    ...openai,
    source: "https://docs.openclaw.ai/providers/volcengine",
    without: ["minLength", "maxLength", "minItems", "maxItems", "contains", "minContains", "maxContains"],
  },
} satisfies Record<string, Dialect>;

/** What the product's protocols take where nothing else is said; the others take any schema. */
const OF_API: { readonly [api: string]: Dialect } = {
  "openai-chat": DIALECTS.openai,
  "openai-responses": DIALECTS.openai,
  "anthropic-messages": DIALECTS.anthropic,
  "bedrock-converse": DIALECTS.bedrock,
};

/**
 * @param api id of a `plinth.model-api`
 * @param said one of `DIALECTS`, or some by model, as a vendor or a configuration has it: `{ "gpt-5*": "openai-strict" }`; anything
 * else is as nothing
 * @param model its id
 * @returns undefined: any schema is taken
 */
export function dialectOf(api: string, said?: unknown, model = ""): Dialect | undefined {
  const name = typeof said === "object" && said !== null ? Object.entries(said).find(([pattern]) => isMeant(pattern, model))?.[1] : said;
  if (typeof name === "string" && Object.hasOwn(DIALECTS, name)) return DIALECTS[name as keyof typeof DIALECTS];
  return Object.hasOwn(OF_API, api) ? OF_API[api] : undefined;
}

const isMeant = (pattern: string, model: string): boolean => (pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : pattern === model);
