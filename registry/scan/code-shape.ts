import type { Finding } from "./finding.ts";
import { lineAt } from "./hidden-text.ts";

const LONG_LINE = 20_000;
const MANGLED_NAMES = 20;
const LONG_DATA = 4_096;
const ESCAPES = 200;
const MOST_NAMES = 10_000;
const MOST_HOSTS = 200;

/** Signs that code was made hard to read. Packages packed by Plinth are not minified. */
export function codeShape(code: string, file: string): Finding[] {
  const findings: Finding[] = [];
  const hint = (level: Finding["level"], message: string, index?: number) =>
    findings.push({ capability: "code", level, message, file, ...(index === undefined ? {} : { line: lineAt(code, index) }) });
  const names = new Set(firstOf(code, /\b_0x[0-9a-f]{4,32}\b/gi, MOST_NAMES));
  if (names.size >= MANGLED_NAMES) hint("warning", `Its names look like an obfuscator's (${names.size} such as ${[...names][0]}).`);
  const escapes = countOf(code, /\\x[0-9a-f]{2}|\\u[0-9a-f]{4}/gi);
  if (escapes >= ESCAPES && escapes * 40 > code.length) hint("warning", `Much of its text is written in escapes (${escapes}).`);
  const data = new RegExp(`["'\`][A-Za-z0-9+/=_-]{${LONG_DATA}}`).exec(code);
  if (data !== null) hint("warning", `It holds a long text of encoded data (${LONG_DATA} characters or more).`, data.index);
  const long = code.split("\n").findIndex((line) => line.length > LONG_LINE);
  if (long >= 0)
    findings.push({ capability: "code", level: "information", message: "It is minified, so that people cannot well read it.", file, line: long + 1 });
  return findings;
}

/** Repetitions are bounded everywhere: an endless one over a stranger's text takes the engine's whole stack. */
const HOST = /\b(?:https?|wss?):\/\/([A-Za-z0-9.-]{1,253}|\[[0-9a-f:]{1,45}\])/gi;
const NUMERIC = /^(\d{1,3}(\.\d{1,3}){3}|\[.*\])$/;
const LOCAL = /^(localhost|127\.|0\.0\.0\.0|\[::1?\]|.*\.(example|test|invalid|localhost)$|example\.(com|org|net)$|(www\.)?w3\.org$)/i;

/** Addresses written into code that the manifest does not name. Documents and messages name addresses too: a hint. */
export function strangeAddresses(plain: string, file: string, net: readonly string[]): Finding[] {
  const hosts = new Set<string>();
  for (const [, host] of plain.matchAll(HOST)) {
    hosts.add(host!.toLowerCase());
    if (hosts.size === MOST_HOSTS) break;
  }
  return [...hosts]
    .filter((host) => !LOCAL.test(host) && !net.some((pattern) => covers(pattern, host)))
    .sort()
    .map((host): Finding => {
      const level = NUMERIC.test(host) ? "warning" : "information";
      return { capability: "net", level, message: `It names the address ${host}, which its manifest does not.`, file };
    });
}

function firstOf(text: string, pattern: RegExp, most: number): string[] {
  const found: string[] = [];
  for (const [match] of text.matchAll(pattern)) if (found.push(match) === most) break;
  return found;
}

function countOf(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _match of text.matchAll(pattern)) count++;
  return count;
}

function covers(pattern: string, host: string): boolean {
  const name = pattern
    .replace(/^[a-z]+:\/\//, "")
    .replace(/:\d+$/, "")
    .toLowerCase();
  return name === "*" || name === host || (name.startsWith("*.") && host.endsWith(name.slice(1)));
}
