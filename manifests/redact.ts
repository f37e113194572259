/** Shapes of credentials that must never reach a log, whatever field or sentence they stand in. */
const SECRETS =
  /\b(?:sk-[A-Za-z0-9_-]{8,}|xox[abposr]-[A-Za-z0-9-]{8,}|gh[pousr]_[A-Za-z0-9]{16,}|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)|(?<=\bBearer\s)[^\s"',]+|(?<=\bBasic\s)[A-Za-z0-9+/=_-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** Credentials inside addresses: `scheme://user:HERE@host`, `?access_token=HERE`. */
const IN_ADDRESSES = /(?<=:\/\/[^\s/@:]{0,64}:)[^\s/@]+(?=@)|(?<=[?&#][a-z_-]{0,24}(?:token|key|secret|password|signature)=)[^&\s"'#]+/gi;
const NAMES = /(?:^|-)(?:authorization|cookie|password|passwd|token|secret|api-?key|access-key|private-?key)$/;
const values = new Set<string>();

/** A secret's value as it was resolved: masked wherever it appears from now on. */
export function maskValue(secret: string): void {
  if (secret.length >= 6) values.add(secret);
}

export function redact(text: string): string {
  let masked = text.replace(SECRETS, "[redacted]").replace(IN_ADDRESSES, "[redacted]");
  for (const value of values) if (masked.includes(value)) masked = masked.replaceAll(value, "[redacted]");
  return masked;
}

const kebab = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

export function redactField(name: string, value: unknown, depth: number): unknown {
  if (NAMES.test(kebab(name))) return "[redacted]";
  if (typeof value === "string") return redact(value);
  if (value === null || typeof value !== "object") return value;
  if (depth > 4) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, 50).map((one) => redactField("", one, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, 50)
      .map(([key, one]) => [key, redactField(key, one, depth + 1)]),
  );
}
