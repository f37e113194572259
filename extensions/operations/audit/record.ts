import type { Client } from "@plinth/sdk";

export type AuditRecord = Awaited<ReturnType<Client<"plinth.audit">["query"]>>["records"][number];
export type Filter = Parameters<Client<"plinth.audit">["query"]>[0];

export const KINDS: readonly AuditRecord["kind"][] = ["call", "hook", "net", "files", "exec", "secret", "store", "work", "grant", "admin"];
/** Records of a query that states no limit. */
export const DEFAULT_LIMIT = 100;
export const LOST = "PLINTH_AUDIT_LOST";
export const TORN = "PLINTH_AUDIT_TORN";

/** A place where something is missing. It stands among the records, so that nobody takes what is there for all there was. */
export function lost(count: number, at: number): AuditRecord {
  const what = `${count} ${count === 1 ? "record was" : "records were"} lost before this: more came than could be kept`;
  return { at, extension: "host", kind: "admin", what, allowed: false, code: LOST };
}

export function torn(at: number): AuditRecord {
  return {
    at,
    extension: "host",
    kind: "admin",
    what: "a record is unreadable: a crash cut it off, or the file was changed",
    allowed: false,
    code: TORN,
  };
}

export const isGap = ({ code }: AuditRecord): boolean => code === LOST || code === TORN;

/** Consents, limits, revocations and the like: only the host makes these, when an owner did something. */
export const isOwners = (record: AuditRecord): boolean => (record.kind === "grant" || record.kind === "admin") && record.allowed && !isGap(record);

/** Gaps fit every filter: what is missing could have been anything. */
export function fits(record: AuditRecord, { extension, kind, denied, since }: Filter): boolean {
  if (since !== undefined && record.at < since) return false;
  if (isGap(record)) return true;
  return (extension === undefined || record.extension === extension) && (kind === undefined || record.kind === kind) && !(denied && record.allowed);
}

/** One line of a file. Long texts are cut: no record may crowd out others. */
export function encode({ at, extension, kind, what, allowed, code, why, work, principal }: AuditRecord): string {
  const cut = (text: string | undefined) => text?.slice(0, 1_000);
  return JSON.stringify({
    at,
    extension: cut(extension),
    kind,
    what: cut(what),
    allowed,
    code: cut(code),
    why: cut(why),
    work: cut(work),
    principal: cut(principal),
  });
}

/** The record of a line; undefined where it is none. */
export function decode(line: string): AuditRecord | undefined {
  try {
    const value = JSON.parse(line) as AuditRecord;
    const whole =
      typeof value.at === "number" && typeof value.extension === "string" && typeof value.what === "string" && typeof value.allowed === "boolean";
    return whole && KINDS.includes(value.kind) ? value : undefined;
  } catch {
    return undefined;
  }
}
