import { type DocumentNode, type MemberNode, type ObjectNode, parse, type ValueNode } from "@humanwhocodes/momoa";
import { hasCrlf, markOf, withoutMark } from "../home/text-file.ts";
import { configInvalid } from "./documents.ts";

/** Change one path of a JSON5 text and nothing else of it, not even how its lines end. `undefined` removes. */
export function editJson5(text: string, path: readonly string[], value: unknown): string {
  const mark = markOf(text);
  const plain = withoutMark(text);
  if (!hasCrlf(plain)) return mark + edit(plain, path, value);
  return mark + edit(plain.replaceAll("\r\n", "\n"), path, value).replaceAll("\n", "\r\n");
}

function edit(text: string, path: readonly string[], value: unknown): string {
  const source = text.trim() === "" ? "{\n}\n" : text;
  const document: DocumentNode = parse(source, { mode: "json5", ranges: true, allowTrailingCommas: true });
  if (document.body.type !== "Object") throw configInvalid("the configuration", "", "it is not an object");
  let node: ObjectNode = document.body;
  for (let depth = 0; ; depth++) {
    const key = path[depth] as string;
    // Of two members with one name the last one counts.
    const member = node.members.findLast((one) => nameOf(one) === key);
    const last = depth === path.length - 1;
    if (member === undefined) return value === undefined ? text : insert(source, node, key, wrap(path.slice(depth + 1), value), depth + 1);
    if (last) return value === undefined ? remove(source, node, member) : replace(source, member.value, value, depth + 1);
    if (member.value.type !== "Object") {
      return value === undefined ? text : replace(source, member.value, wrap(path.slice(depth + 1), value), depth + 1);
    }
    node = member.value;
  }
}

const nameOf = (member: MemberNode): string => (member.name.type === "Identifier" ? member.name.name : member.name.value);
const wrap = (path: readonly string[], value: unknown): unknown => path.reduceRight((inner, key) => ({ [key]: inner }), value);
const range = (node: { range?: [number, number] | undefined }): [number, number] => node.range as [number, number];

const render = (value: unknown, depth: number): string => JSON.stringify(value, null, 2).replaceAll("\n", `\n${"  ".repeat(depth)}`);

function replace(source: string, node: ValueNode, value: unknown, depth: number): string {
  const [start, end] = range(node);
  return source.slice(0, start) + render(value, depth) + source.slice(end);
}

function insert(source: string, node: ObjectNode, key: string, value: unknown, depth: number): string {
  const [start, end] = range(node);
  const member = `${JSON.stringify(key)}: ${render(value, depth)}`;
  const pad = "  ".repeat(depth);
  const close = `\n${"  ".repeat(depth - 1)}`;
  const last = node.members.at(-1);
  if (last === undefined) {
    const inner = source.slice(start + 1, end - 1).trimEnd();
    return `${source.slice(0, start + 1)}${inner}\n${pad}${member}${close}${source.slice(end - 1)}`;
  }
  const after = range(last)[1];
  const rest = source.slice(after, end - 1);
  const comma = findComma(rest);
  const tail = (comma < 0 ? rest : rest.slice(0, comma) + rest.slice(comma + 1)).trimEnd();
  return `${source.slice(0, after)},${tail}\n${pad}${member}${close}${source.slice(end - 1)}`;
}

function remove(source: string, node: ObjectNode, member: MemberNode): string {
  const index = node.members.indexOf(member);
  let [start, end] = range(member);
  const rest = source.slice(end, range(node)[1]);
  const comma = findComma(rest);
  if (comma >= 0) end += comma + 1;
  else if (index > 0) {
    const before = range(node.members[index - 1] as MemberNode)[1];
    const previousComma = findComma(source.slice(before, start));
    if (previousComma >= 0) source = `${source.slice(0, before + previousComma)} ${source.slice(before + previousComma + 1)}`;
  }
  const lineStart = source.lastIndexOf("\n", start - 1) + 1;
  if (/^\s*$/.test(source.slice(lineStart, start)) && /^[ \t]*(\r?\n|$)/.test(source.slice(end))) {
    start = lineStart;
    end += (/^[ \t]*(?:\r?\n)?/.exec(source.slice(end)) as RegExpExecArray)[0].length;
  }
  return source.slice(0, start) + source.slice(end);
}

/** Index of the first comma outside comments, or -1 before the next member starts. */
function findComma(text: string): number {
  const pattern = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|,|[^\s]/g;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (match[0] === ",") return match.index;
    if (!match[0].startsWith("/")) return -1;
  }
  return -1;
}
