import type { ModelVendor } from "@plinth/sdk";

export type ClaimHeaders = ModelVendor["auth"][number]["claimHeaders"];

const MAX_TOKEN = 65_536;

/** What a token says of itself, where it is a JWT (RFC 7519). Nobody vouches for it here: whoever takes the token does. */
function claimsOf(token: string): unknown {
  const [, payload, signature, ...more] = token.length > MAX_TOKEN ? [] : token.split(".");
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** When it ends, in milliseconds since the epoch. */
export function endOf(token: string): number | undefined {
  const ends = inside(claimsOf(token), ["exp"]);
  return typeof ends === "number" && Number.isFinite(ends) && ends > 0 && ends <= 8.64e12 ? ends * 1_000 : undefined;
}

/** The headers whose values it says: what is no plain word is left out. */
export function claimed(token: string, by: NonNullable<ClaimHeaders>): Record<string, string> | undefined {
  const claims = claimsOf(token);
  const found = Object.entries(by).flatMap(([name, path]) => {
    const value = inside(claims, path);
    return typeof value === "string" && /^[\x21-\x7e]{1,256}$/.test(value) ? [[name.toLowerCase(), value] as const] : [];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function inside(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path)
    found = typeof found === "object" && found !== null && Object.hasOwn(found, name) ? (found as Record<string, unknown>)[name] : undefined;
  return found;
}
