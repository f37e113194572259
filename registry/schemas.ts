import { pick } from "@plinth/manifests/check/explain.ts";
import { nearNames } from "@plinth/manifests/near-names.ts";
import type { ErrorObject } from "ajv";

/** What is wrong with a document, and where. */
export interface Problem {
  /** Such as provides[0].descriptor. */
  path: string;
  message: string;
  /** The key that was probably meant. */
  suggestion?: string;
}

export type DocumentKind =
  | "Manifest"
  | "PackageIndex"
  | "RegistryRoot"
  | "SearchIndex"
  | "TrustRoot"
  | "TrustTimestamp"
  | "TrustSnapshot"
  | "PublisherKeys"
  | "AdvisoryFeed";

/** Check a document against its schema in manifests/, compiled by the build. [] = it fits. */
export async function documentProblems(kind: DocumentKind, value: unknown): Promise<Problem[]> {
  if (kind === "Manifest") return problemsOf((await import("@plinth/manifests/generated/manifest.js")).manifest, value);
  const compiled = await import("@plinth/manifests/generated/registry.js");
  const validators = {
    PackageIndex: compiled.packageIndex,
    RegistryRoot: compiled.registryRoot,
    SearchIndex: compiled.searchIndex,
    TrustRoot: compiled.trustRoot,
    TrustTimestamp: compiled.trustTimestamp,
    TrustSnapshot: compiled.trustSnapshot,
    PublisherKeys: compiled.publisherKeys,
    AdvisoryFeed: compiled.advisoryFeed,
  };
  return problemsOf(validators[kind], value);
}

/** Check what a provider of a known contract states; [] also when nobody here defines the contract. */
export async function descriptorProblems(contract: string, descriptor: unknown): Promise<Problem[]> {
  const { descriptors } = await import("@plinth/manifests/generated/manifest.js");
  const validate = Object.hasOwn(descriptors, contract) ? descriptors[contract] : undefined;
  return validate === undefined ? [] : problemsOf(validate, descriptor);
}

function problemsOf(validate: { (value: unknown): boolean; errors?: unknown[] | null }, value: unknown): Problem[] {
  return validate(value) ? [] : ((validate.errors ?? []) as ErrorObject[]).map((error) => problemOf(error, value));
}

/** A problem as one line for people. */
export function problemLine({ path, message, suggestion }: Problem): string {
  return `${path || "the document"} ${message}${suggestion === undefined ? "" : `; did you mean "${suggestion}"?`}`;
}

function problemOf(error: ErrorObject, value: unknown): Problem {
  const at = jsonPath(error.instancePath);
  const extra = error.keyword === "additionalProperties" && (error.params.additionalProperty as string);
  if (typeof extra !== "string") return { path: at, message: sentence(error, value) };
  const [suggestion] = nearNames(extra, error.params.known as string[], 1);
  return {
    path: at === "" ? keyPath(extra) : at + dotted(extra),
    message: "is not a known key",
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function sentence({ keyword, message, params, instancePath }: ErrorObject, value: unknown): string {
  // People read what it should be, not the expression that says so.
  if (keyword === "pattern" && typeof params.description === "string")
    return `is not what it should be: ${JSON.stringify(pick(value, instancePath))}. ${params.description.replace(/\.$/, "")}`;
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
