/** Letters and digits that nobody takes for each other. */
const ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";
const LENGTH = 8;

export interface Pairing {
  readonly code: string;
  /** Whose it is, such as `telegram/default/42`. */
  readonly who: string;
  readonly expiresAt: number;
}

export interface PairingRules {
  readonly ttlMs: number;
  /** Codes that are valid at one time; nobody gets one beyond. */
  readonly most: number;
}

/** A code from random bytes, at least twice its length; what would make one letter likelier than another is skipped. */
export function pairingCode(random: Uint8Array): string {
  const even = 256 - (256 % ALPHABET.length);
  let code = "";
  for (const byte of random) if (byte < even && code.length < LENGTH) code += ALPHABET[byte % ALPHABET.length];
  if (code.length < LENGTH) throw new RangeError("A pairing code needs more random bytes.");
  return code;
}

/** What is still valid, and the asker's own code where there is one: asking again gives the same code, not another one. */
export function askPairing(
  held: readonly Pairing[],
  who: string,
  now: number,
  rules: PairingRules,
  make: () => string,
): { held: readonly Pairing[]; pairing: Pairing | undefined; isNew: boolean } {
  const valid = held.filter(({ expiresAt }) => expiresAt > now);
  const own = valid.find((one) => one.who === who);
  if (own !== undefined) return { held: valid, pairing: own, isNew: false };
  if (valid.length >= rules.most) return { held: valid, pairing: undefined, isNew: false };
  const pairing = { code: make(), who, expiresAt: now + rules.ttlMs };
  return { held: [...valid, pairing], pairing, isNew: true };
}

/** Whose code it is; undefined where it is wrong or too old. Case and spaces do not matter. */
export function findPairing(held: readonly Pairing[], typed: string, now: number): Pairing | undefined {
  const code = typed.toLowerCase().replaceAll(/[\s-]/g, "");
  return held.find((one) => one.code === code && one.expiresAt > now);
}
