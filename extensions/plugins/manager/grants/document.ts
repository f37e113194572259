import { PlinthError } from "@plinth/sdk";
import type { Grant } from "./grant.ts";

/** What `grants export` writes and `grants import` reads. */
export interface GrantsDocument {
  format: "plinth-grants";
  version: 1;
  exportedAt: string;
  grants: { [id: string]: Grant };
}

const MOST = 10_000;
const ID = /^[a-z][a-z0-9-]{0,38}\.[a-z][a-z0-9-]{0,62}$/;
const LABEL = /^[a-z][a-z0-9-]{0,31}$/;
const HEX = /^[0-9a-f]{32,128}$/;

export function documentOf(grants: { [id: string]: Grant }, now: number): GrantsDocument {
  const sorted = Object.fromEntries(Object.entries(grants).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { format: "plinth-grants", version: 1, exportedAt: new Date(now).toISOString(), grants: sorted };
}

/** Reads an export. Whatever it does not know makes it refuse the whole. */
export function readDocument(text: string, name: string): GrantsDocument {
  const wrong = (why: string) =>
    new PlinthError("PLINTH_GRANTS_FILE", `${name} is not an export of grants: ${why}.`, { next: "Make one with: plinth grants export FILE" });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw wrong("it is not JSON");
  }
  if (!isObject(value) || value.format !== "plinth-grants") throw wrong("its format is another one");
  if (value.version !== 1) throw wrong(`its version is ${JSON.stringify(value.version)?.slice(0, 20)}, and this host reads version 1`);
  if (!isObject(value.grants) || Object.keys(value.grants).length > MOST) throw wrong("it has no list of grants");
  const grants: GrantsDocument["grants"] = {};
  for (const [id, entry] of Object.entries(value.grants)) {
    const grant = ID.test(id) ? grantOf(entry) : undefined;
    if (grant === undefined) throw wrong(`the entry ${JSON.stringify(id.slice(0, 120))} is no grant`);
    grants[id] = grant;
  }
  return { format: "plinth-grants", version: 1, exportedAt: String(value.exportedAt).slice(0, 40), grants };
}

function grantOf(value: unknown): Grant | undefined {
  if (!isObject(value)) return undefined;
  const { consent, digest, version, at, by, permissions, asks, scope, expiresAt, chosen, pins, ...more } = value;
  const isGrant =
    isHex(consent) &&
    isHex(digest) &&
    isText(version, 64) &&
    isTime(at) &&
    isText(by, 256) &&
    isObject(permissions) &&
    Array.isArray(asks) &&
    asks.length <= 1_000 &&
    asks.every((one) => isText(one, 1_000)) &&
    (scope === undefined || isScope(scope)) &&
    (expiresAt === undefined || isTime(expiresAt)) &&
    (chosen === undefined || (Array.isArray(chosen) && chosen.length <= 100 && chosen.every((one) => isText(one, 128)))) &&
    (pins === undefined || (Array.isArray(pins) && pins.length <= 64 && pins.every(isPin))) &&
    Object.keys(more).length === 0;
  return isGrant ? (value as unknown as Grant) : undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown, most: number): value is string => typeof value === "string" && value.length <= most;
const isHex = (value: unknown): boolean => typeof value === "string" && HEX.test(value);
const isTime = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isPin = (value: unknown): boolean =>
  isObject(value) &&
  isText(value.program, 4_096) &&
  isHex(value.sha256) &&
  Array.isArray(value.secrets) &&
  value.secrets.length <= 64 &&
  value.secrets.every((one) => isText(one, 256)) &&
  Object.keys(value).length === 3;
const isScope = (value: unknown): boolean =>
  isObject(value) && Object.entries(value).every(([label, one]) => LABEL.test(label) && isText(one, 256) && one !== "");
