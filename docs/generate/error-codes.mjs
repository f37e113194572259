/** Finds the coded errors in the sources: a code, and the sentence that stands beside it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const FOLDERS = ["manifests", "kernel", "registry", "sdk/extension", "sdk/guest", "extensions"];
const LEFT_OUT = new Set(["node_modules", "generated", "dist", "assets"]);

/** Every code with its owner, file, message and next step, sorted by owner and code; placeholders as ‹name›. */
export async function readErrorCodes(root) {
  const found = [];
  for (const folder of FOLDERS)
    for (const file of await sources(root, folder)) found.push(...codesOf(await readFile(join(root, file), "utf8"), file, await ownerOf(root, file)));
  const best = new Map();
  for (const one of found) {
    const key = `${one.owner} ${one.code} ${one.message ?? ""}`;
    if (!best.has(key)) best.set(key, one);
  }
  const all = [...best.values()];
  const told = new Set(all.filter((one) => one.message).map((one) => one.code));
  // A code without a sentence is a mention, unless nobody says more.
  const unique = new Map();
  for (const one of all) {
    if (one.message) unique.set(`${one.owner} ${one.code} ${one.message}`, one);
    else if (!told.has(one.code)) unique.set(one.code, unique.get(one.code) ?? one);
  }
  return [...unique.values()].sort((a, b) => order(a.owner, b.owner) || order(a.code, b.code));
}

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

async function sources(root, folder) {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  const files = [];
  for (const entry of entries.sort((a, b) => order(a.name, b.name))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!LEFT_OUT.has(entry.name)) files.push(...(await sources(root, path)));
    } else if (/\.(ts|mjs|cjs)$/.test(entry.name) && !/\.(test|testing|d)\.ts$/.test(entry.name) && !/(^|\/)(test|scripted)-/.test(path))
      files.push(path);
  }
  return files;
}

async function ownerOf(root, file) {
  const [area, group, name] = file.split("/");
  if (area !== "extensions") return area === "registry" ? "registry" : area === "sdk" ? "sdk" : "host";
  const manifest = await readFile(join(root, area, group, name, "plinth.json"), "utf8").catch(() => undefined);
  return manifest === undefined ? `${group}/${name}` : JSON.parse(manifest).id;
}

function codesOf(text, file, owner) {
  const found = [];
  for (const match of text.matchAll(/"(PLINTH_[A-Z0-9]+(?:_[A-Z0-9]+)*)"/g)) {
    const after = text.slice(match.index + match[0].length, match.index + match[0].length + 900);
    // The message: next argument, `message:` of the same object, or of the function that makes it.
    const lead = /^\s*,\s*(?:\(?(?:\([^()]*\)|\w+)\s*=>\s*\(\{\s*message:\s*|message:\s*)?(?=["'`])/.exec(after);
    const one = { code: match[1], owner, file };
    const message = lead ? literal(after, lead[0].length) : { text: "" };
    // In a list of codes the next string is a code, not a sentence.
    if (/[a-z]/.test(message.text)) {
      const rest = after.slice(lead[0].length + message.length);
      const next = /^[^;]{0,300}?\bnext:\s*(?=["'`])/.exec(rest.split(/"PLINTH_/)[0]);
      Object.assign(one, { message: message.text, ...(next ? { next: literal(rest, next[0].length).text } : {}) });
    }
    found.push(one);
  }
  return found;
}

/** The string or template literal that starts at `at`, as people would read it. */
function literal(source, at) {
  const quote = source[at];
  let text = "";
  let index = at + 1;
  for (; index < source.length && source[index] !== quote; index++) {
    if (source[index] === "\\") text += source[++index] === "n" ? " " : source[index];
    else if (quote === "`" && source.startsWith("${", index)) {
      const end = closing(source, index + 1);
      text += `‹${placeholder(source.slice(index + 2, end))}›`;
      index = end;
    } else text += source[index];
  }
  return { text, length: index + 1 - at };
}

function closing(source, open) {
  let depth = 0;
  for (let index = open; index < source.length; index++) {
    if (source[index] === "{") depth++;
    else if (source[index] === "}" && --depth === 0) return index;
  }
  return source.length - 1;
}

/** The name that says most about an expression: `other.url` → url, `text.slice(0, 9)` → text. */
function placeholder(expression) {
  const plain = expression.replace(/\.(slice|join|toString|replaceAll|map)\(.*$/s, "");
  if (/^[\w.]+$/.test(plain)) return plain.split(".").at(-1);
  const inner = /^\w+(?:\.\w+)*\((\w+(?:\.\w+)*)/.exec(plain)?.[1];
  return inner && inner !== "thrown" ? inner.split(".").at(-1) : "…";
}
