import type { ErrorObject, ValidateFunction } from "ajv";
import { nearNames } from "./near-names.ts";

/** What is wrong with a document, and where. */
export interface Problem {
  /** Such as provides[0].descriptor. */
  path: string;
  message: string;
  /** The key that was probably meant. */
  suggestion?: string;
}

export type DocumentKind = "Manifest" | "PackageIndex" | "RegistryRoot" | "SearchIndex";

const compiled = new Map<unknown, ValidateFunction>();

/** Check a document against its schema in manifests/. [] = it fits. */
export async function documentProblems(kind: DocumentKind, value: unknown): Promise<Problem[]> {
  const manifests = await import("@plinth/manifests");
  return schemaProblems(manifests[kind], value);
}

/** Check a value against one of the product's own schemas, which are trusted. The first use of a schema compiles it. */
export async function schemaProblems(schema: object, value: unknown): Promise<Problem[]> {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    const { Ajv2020 } = await import("ajv/dist/2020.js");
    validate = new Ajv2020({ strict: false, verbose: true, allErrors: false }).compile(schema);
    compiled.set(schema, validate);
  }
  return validate(value) ? [] : (validate.errors ?? []).map((error) => problemOf(error));
}

/** A problem as one line for people. */
export function problemLine({ path, message, suggestion }: Problem): string {
  return `${path || "the document"} ${message}${suggestion === undefined ? "" : `; did you mean "${suggestion}"?`}`;
}

function problemOf(error: ErrorObject): Problem {
  const at = jsonPath(error.instancePath);
  const extra = error.keyword === "additionalProperties" && (error.params.additionalProperty as string);
  if (typeof extra !== "string") return { path: at, message: sentence(error) };
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const [suggestion] = nearNames(extra, known, 1);
  return {
    path: at === "" ? keyPath(extra) : at + dotted(extra),
    message: "is not a known key",
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function sentence({ keyword, message, params }: ErrorObject): string {
  if (keyword === "required") return `lacks the key "${params.missingProperty}"`;
  if (keyword === "enum") return `must be one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(", ")}`;
  if (keyword === "const") return `must be ${JSON.stringify(params.allowedValue)}`;
  return message ?? "is not valid";
}

/** `/provides/0/id` → `provides[0].id`. */
function jsonPath(pointer: string): string {
  const path = pointer
    .split("/")
    .slice(1)
    .map((part) => dotted(part.replaceAll("~1", "/").replaceAll("~0", "~")))
    .join("");
  return path.startsWith(".") ? path.slice(1) : path;
}

const plain = /^[A-Za-z_$][\w$-]*$/;
const keyPath = (key: string) => (plain.test(key) ? key : `[${JSON.stringify(key)}]`);
const dotted = (key: string) => (/^\d+$/.test(key) ? `[${key}]` : plain.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
