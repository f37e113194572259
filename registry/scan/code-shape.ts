import type { Finding } from "./finding.ts";
import { lineAt } from "./hidden-text.ts";

const LONG_LINE = 20_000;
const MANGLED_NAMES = 20;
const LONG_DATA = 4_096;
const ESCAPES = 200;

/** Signs that code was made hard to read. Packages packed by Plinth are not minified. */
export function codeShape(code: string, file: string): Finding[] {
  const findings: Finding[] = [];
  const hint = (level: Finding["level"], message: string, index?: number) =>
    findings.push({ capability: "code", level, message, file, ...(index === undefined ? {} : { line: lineAt(code, index) }) });
  const names = new Set(code.match(/\b_0x[0-9a-f]{4,}\b/gi));
  if (names.size >= MANGLED_NAMES) hint("warning", `Its names look like an obfuscator's (${names.size} such as ${[...names][0]}).`);
  const escapes = code.match(/\\x[0-9a-f]{2}|\\u[0-9a-f]{4}/gi)?.length ?? 0;
  if (escapes >= ESCAPES && escapes * 40 > code.length) hint("warning", `Much of its text is written in escapes (${escapes}).`);
  const data = new RegExp(`["'\`][A-Za-z0-9+/=_-]{${LONG_DATA},}["'\`]`).exec(code);
  if (data !== null) hint("warning", `It holds a long text of encoded data (${data[0].length} characters).`, data.index);
  const long = code.split("\n").findIndex((line) => line.length > LONG_LINE);
  if (long >= 0)
    findings.push({ capability: "code", level: "information", message: "It is minified, so that people cannot well read it.", file, line: long + 1 });
  return findings;
}

const HOST = /\b(?:https?|wss?):\/\/([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(?::\d+)?/gi;
const NUMERIC = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\])$/;
const LOCAL = /^(localhost|127\.|0\.0\.0\.0|\[::1?\]|.*\.(example|test|invalid|localhost)$|example\.(com|org|net)$|(www\.)?w3\.org$)/i;

/** Addresses written into code that the manifest does not name. Documents and messages name addresses too: a hint. */
export function strangeAddresses(plain: string, file: string, net: readonly string[]): Finding[] {
  const hosts = new Set([...plain.matchAll(HOST)].map(([, host]) => host!.toLowerCase()));
  return [...hosts]
    .filter((host) => !LOCAL.test(host) && !net.some((pattern) => covers(pattern, host)))
    .sort()
    .map((host): Finding => {
      const level = NUMERIC.test(host) ? "warning" : "information";
      return { capability: "net", level, message: `It names the address ${host}, which its manifest does not.`, file };
    });
}

function covers(pattern: string, host: string): boolean {
  const name = pattern
    .replace(/^[a-z]+:\/\//, "")
    .replace(/:\d+$/, "")
    .toLowerCase();
  return name === "*" || name === host || (name.startsWith("*.") && host.endsWith(name.slice(1)));
}
