import type { PackageVersion } from "@plinth/manifests";
import { canonicalJson } from "@plinth/manifests/canonical-json.ts";

/** What the transparency log records, one event a leaf, as canonical JSON. */
export type LogEvent =
  | { type: "publish"; id: string; version: string; integrity: string; keyId: string; at: string }
  | { type: "yank" | "restore" | "deprecate" | "block"; id: string; version: string; reason?: string; at: string }
  | { type: "claim"; publisher: string; keyIds: string[]; proof?: string; at: string }
  | { type: "rotate" | "recover"; publisher: string; from: string; to: string; at: string }
  | { type: "revoke"; publisher: string; keyId: string; reason: string; at: string }
  | { type: "advisory"; advisory: string; package: string; sha256: string; at: string }
  | { type: "root"; version: number; sha256: string; at: string };

export function eventText(event: LogEvent): string {
  return canonicalJson(event);
}

/** The event by which a registry countersigns a version: whoever has the index entry can make it again. */
export function publishEvent(id: string, entry: Pick<PackageVersion, "version" | "integrity" | "signature">, at: string): LogEvent {
  return { type: "publish", id, version: entry.version, integrity: entry.integrity, keyId: entry.signature.keyId, at };
}
