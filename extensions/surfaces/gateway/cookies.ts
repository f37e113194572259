/**
 * Cookies know neither ports nor paths worth the name: what any program on this host name sets, a browser sends here. So each
 * extension has cookies of its own, told apart by a prefix that it does not see.
 */
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|-]{1,128}$/;
const VALUE = /^"?[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,4096}"?$/;

const prefixOf = (extension: string): string => `${extension}~`;

/** Of a `Cookie` header what the extension's routes have set, without the prefix. */
export function cookiesFor(extension: string, header: string): string {
  const prefix = prefixOf(extension);
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length))
    .join("; ");
}

/** A `Set-Cookie` of an extension's route as a browser gets it: under its prefix, never readable by scripts; undefined where it is none. */
export function cookieFrom(extension: string, header: string, secure: boolean): string | undefined {
  const [pair = "", ...rest] = header.split(";").map((part) => part.trim());
  const at = pair.indexOf("=");
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  if (at < 1 || !NAME.test(name) || !VALUE.test(value)) return undefined;
  const kept = new Map<string, string>();
  for (const part of rest) {
    const [key = "", setting = ""] = part.split(/=(.*)/s);
    if (/^max-age$/i.test(key) && /^-?\d{1,10}$/.test(setting)) kept.set("Max-Age", setting);
    else if (/^expires$/i.test(key) && /^[A-Za-z0-9:, -]{1,40}$/.test(setting)) kept.set("Expires", setting);
    else if (/^path$/i.test(key) && /^\/[^\s;,]{0,512}$/.test(setting)) kept.set("Path", setting);
    else if (/^samesite$/i.test(key) && /^strict$/i.test(setting)) kept.set("SameSite", "Strict");
  }
  kept.set("Path", kept.get("Path") ?? "/");
  kept.set("SameSite", kept.get("SameSite") ?? "Lax");
  const attributes = [...kept].map(([key, setting]) => `${key}=${setting}`);
  return [`${prefixOf(extension)}${name}=${value}`, ...attributes, "HttpOnly", ...(secure ? ["Secure"] : [])].join("; ");
}
