import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { type DocumentKind, documentProblems, problemLine } from "./schemas.ts";

/** A registry's document out of its bytes, which the caller has bounded already. @throws PLINTH_REGISTRY_INVALID. */
export async function parseDocument<T>(kind: DocumentKind, bytes: Buffer, path: string, registry: string): Promise<T> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw invalidDocument(path, registry, "it is not JSON");
  }
  const [problem] = await documentProblems(kind, value);
  if (problem !== undefined) throw invalidDocument(path, registry, problemLine(problem));
  return value as T;
}

export function invalidDocument(path: string, registry: string, why: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_INVALID", `${path} of the registry ${registry} was refused: ${why}.`, {
    next: "Update Plinth if the registry is newer; otherwise tell who runs the registry.",
  });
}
