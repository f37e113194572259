import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const LIMIT_TOTAL = 3_000;
const LIMIT_FILE = 350;
const WORDS = ["agent", "model", "channel", "chat", "tool", "browser", "cron"];

interface File {
  /** Below the root, with forward slashes. */
  path: string;
  text: string;
}

/** Sources of a folder: no tests, no fixtures, nothing installed or generated. */
function sources(folder: string, endings: readonly string[]): File[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && endings.some((one) => entry.name.endsWith(one)))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !/\/(node_modules|generated|dist|test|fixtures)\/|\.(test|testing)\.ts$|\.d\.ts$/.test(path))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** Forbidden words, whole or as a part of an identifier, such as in `listTools` or `TOOL_LIMIT`. */
function namedCapabilities({ path, text }: File): string[] {
  return text.split("\n").flatMap((line, index) => {
    const parts = line.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
    const found = WORDS.filter((word) => new RegExp(`(?<![a-z])${word}s?(?![a-z])`, "i").test(parts));
    return found.map((word) => `${path}:${index + 1} names "${word}"`);
  });
}

function tooLong(files: readonly File[]): string[] {
  const lines = ({ text }: File): number => text.split("\n").length - 1;
  const total = files.reduce((sum, one) => sum + lines(one), 0);
  return [
    ...files.filter((one) => lines(one) > LIMIT_FILE).map((one) => `${one.path} has ${lines(one)} lines`),
    ...(total > LIMIT_TOTAL ? [`all files have ${total} lines`] : []),
  ];
}

/** What each part may import of the project, besides its own files. */
const ALLOWED: { readonly [part: string]: (path: string) => readonly string[] } = {
  manifests: () => [],
  kernel: () => ["manifests"],
  sdk: () => ["manifests"],
  registry: () => ["manifests"],
  extensions: (path) => (path.startsWith("extensions/plugins/") ? ["sdk", "registry"] : ["sdk"]),
};
const PACKAGES: { readonly [name: string]: string } = {
  "@plinth/manifests": "manifests",
  "@plinth/kernel": "kernel",
  "@plinth/sdk": "sdk",
  "@plinth/registry": "registry",
};

function specifiers(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
  const pattern =
    /(?:^|[\s;}])(?:import|export)\s[^"'`;]*?from\s*["']([^"']+)["']|(?:^|[\s;}])import\s*["']([^"']+)["']|\b(?:import|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** The part of the project that an import reaches, and the folder of its extension; null when it is not of the project. */
function reached(from: string, specifier: string): { part: string; home: string } | null {
  if (specifier.startsWith("@plinth/ext-")) return { part: "extensions", home: specifier };
  if (specifier.startsWith("@plinth/")) {
    const name = specifier.split("/").slice(0, 2).join("/");
    return { part: PACKAGES[name] ?? name, home: PACKAGES[name] ?? name };
  }
  if (!specifier.startsWith(".") && !specifier.startsWith("/")) return null;
  return homeOf(relative(ROOT, resolve(ROOT, dirname(from), specifier)).replaceAll("\\", "/"));
}

function homeOf(path: string): { part: string; home: string } {
  const parts = path.split("/");
  return { part: parts[0] as string, home: parts[0] === "extensions" ? parts.slice(0, 3).join("/") : (parts[0] as string) };
}

function wrongImports({ path, text }: File): string[] {
  const own = homeOf(path);
  const allowed = ALLOWED[own.part]?.(path) ?? [];
  return specifiers(text).flatMap((specifier) => {
    const target = reached(path, specifier);
    return target === null || target.home === own.home || allowed.includes(target.part) ? [] : [`${path} imports ${specifier}`];
  });
}

describe("the kernel", () => {
  it("names no capability", () => {
    expect(sources("kernel", [".ts", ".mjs", ".cjs"]).flatMap(namedCapabilities)).toEqual([]);
  });

  it(`has at most ${LIMIT_TOTAL} lines, in files of at most ${LIMIT_FILE}`, () => {
    const files = sources("kernel", [".ts"]);
    expect(files.length).toBeGreaterThan(20);
    expect(tooLong(files)).toEqual([]);
  });
});

describe("imports run one way", () => {
  it.each(Object.keys(ALLOWED))("in %s", (part) => {
    const files = sources(part, [".ts"]);
    expect(files.length).toBeGreaterThan(5);
    expect(files.flatMap(wrongImports)).toEqual([]);
  });
});

describe("these rules see a breach", () => {
  const file = (path: string, text: string): File => ({ path, text });

  it.each([
    "// the agent's turn",
    "const toolLimit = 1;",
    "listTools();",
    "const MAX_CHAT = 1;",
    "class CronJob {}",
    "import './browser.ts';",
    "type HTTPChannel = 1;",
    'log("Model");',
  ])("in the words of %s", (text) => {
    expect(namedCapabilities(file("kernel/x.ts", text))).toHaveLength(1);
  });

  it.each(["reagent", "remodelled", "chatter", "stool", "micron", "synchronous"])("and none in %s", (text) => {
    expect(namedCapabilities(file("kernel/x.ts", text))).toEqual([]);
  });

  it("in a file or a whole that is too long", () => {
    expect(tooLong([file("kernel/x.ts", "\n".repeat(351))])).toEqual(["kernel/x.ts has 351 lines"]);
    expect(tooLong(Array.from({ length: 10 }, () => file("kernel/x.ts", "\n".repeat(301))))).toEqual(["all files have 3010 lines"]);
  });

  it.each([
    ["manifests/x.ts", 'import { boot } from "@plinth/kernel";'],
    ["manifests/x.ts", 'export * from "../kernel/index.ts";'],
    ["kernel/a/x.ts", 'import type { X } from "@plinth/sdk";'],
    ["kernel/a/x.ts", 'const { x } = await import("../../extensions/surfaces/cli/index.ts");'],
    ["kernel/x.ts", 'import "@plinth/ext-cli";'],
    ["sdk/x.ts", 'import {\n  boot,\n} from "@plinth/kernel";'],
    ["sdk/x.ts", 'import { x } from "@plinth/registry";'],
    ["registry/x.ts", "const x = require('../kernel/index.ts');"],
    ["extensions/a/b/x.ts", 'import { x } from "@plinth/manifests/redact.ts";'],
    ["extensions/a/b/x.ts", 'import { x } from "../c/index.ts";'],
    ["extensions/a/b/x.ts", 'import { x } from "@plinth/registry";'],
    ["extensions/a/b/x.ts", 'import { x } from "../../../kernel/index.ts";'],
  ])("in %s: %s", (path, text) => {
    expect(wrongImports(file(path, text))).toHaveLength(1);
  });

  it.each([
    ["manifests/check/x.ts", 'import { x } from "../wire/error.ts"; import ajv from "ajv";'],
    ["kernel/a/x.ts", 'import { x } from "@plinth/manifests/order.ts"; import { y } from "../host.ts";'],
    ["extensions/a/b/c/x.ts", 'import { x } from "@plinth/sdk"; import y from "../x.ts"; import { z } from "node:fs";'],
    ["extensions/plugins/manager/x.ts", 'import { x } from "@plinth/registry";'],
    ["kernel/x.ts", '// import { x } from "@plinth/sdk";'],
  ])("and none in %s: %s", (path, text) => {
    expect(wrongImports(file(path, text))).toEqual([]);
  });
});

it("the lockfile names every workspace, so that npm ci works on a fresh clone", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const folders = globSync(workspaces as string[], { cwd: ROOT }).filter((folder) => existsSync(join(ROOT, folder, "package.json")));
  expect(folders.length).toBeGreaterThan(15);
  expect(folders.filter((folder) => lock.packages[folder] === undefined)).toEqual([]);
});
