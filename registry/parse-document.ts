import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { DocumentKind } from "./schemas.ts";
import { type RawDocument, readDocument } from "./strangers/documents-room.ts";

/**
 * A registry's document out of its bytes, which the caller has bounded already; parsed and checked in the thread for
 * strangers' data.
 *
 * @throws PLINTH_REGISTRY_INVALID, PLINTH_DATA_*.
 */
export async function parseDocument<T>(kind: DocumentKind, bytes: Uint8Array, path: string, registry: string, signal?: AbortSignal): Promise<T> {
  return documentIn<T>({ kind, bytes, path, registry }, signal);
}

/** The same of a document that is known to be about something. */
export async function documentIn<T>(document: RawDocument, signal?: AbortSignal): Promise<T> {
  const found = await readDocument(document, signal);
  if ("problem" in found) throw invalidDocument(document.path, document.registry, found.problem);
  return found.value as T;
}

export function invalidDocument(path: string, registry: string, why: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_INVALID", `${path} of the registry ${registry} was refused: ${why}.`, {
    next: "Update Plinth if the registry is newer; otherwise tell who runs the registry.",
  });
}
