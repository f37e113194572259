import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
// @ts-expect-error a program without types
import { circles as circlesOf, projectFiles, specifiers } from "../.ci/circles.mjs";

const ROOT = join(import.meta.dirname, "..");
const LIMIT_TOTAL = 2_700;
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

/** What is around the product and what its tests share; no test, nothing installed, generated or made for an example. */
function helpers(folder: string): File[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|cjs|js|css)$/.test(entry.name))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .filter((path) => !/\/(node_modules|generated|dist|public|cache)\/|\.test\.ts$|\.d\.ts$/.test(path))
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

const lines = ({ text }: File): number => text.split("\n").length - 1;

function tooLong(files: readonly File[]): string[] {
  return files.filter((one) => lines(one) > LIMIT_FILE).map((one) => `${one.path} has ${lines(one)} lines`);
}

/** What is not reached through its `index.ts`, or by whom it is not for. */
function besideTheDoor({ path, text }: File): string[] {
  if (path.startsWith("registry/")) return [];
  return (specifiers(text) as string[])
    .filter((specifier) => reached(path, specifier)?.home === "registry" && specifier !== "@plinth/registry")
    .map((specifier) => `${path} imports ${specifier}`);
}

const circles = (files: Readonly<Record<string, string>>): string[] => circlesOf(files).map((round: string[]) => round.join(" → "));

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
  return (specifiers(text) as string[]).flatMap((specifier) => {
    const target = reached(path, specifier);
    return target === null || target.home === own.home || allowed.includes(target.part) ? [] : [`${path} imports ${specifier}`];
  });
}

describe("the kernel", () => {
  it("names no capability", () => {
    expect(sources("kernel", [".ts", ".mjs", ".cjs"]).flatMap(namedCapabilities)).toEqual([]);
  });

  it(`has at most ${LIMIT_TOTAL} lines`, () => {
    const files = sources("kernel", [".ts"]);
    expect(files.length).toBeGreaterThan(20);
    expect(files.reduce((sum, one) => sum + lines(one), 0)).toBeLessThanOrEqual(LIMIT_TOTAL);
  });
});

describe("the files of the product", () => {
  it.each([...Object.keys(ALLOWED), "templates"])(`in %s have at most ${LIMIT_FILE} lines each`, (part) => {
    expect(tooLong(sources(part, [".ts", ".tsx", ".mjs", ".cjs", ".js", ".css"]))).toEqual([]);
  });

  it(`have at most ${LIMIT_FILE} lines each in what builds, documents and tests it, tests themselves apart`, () => {
    const files = [...Object.keys(ALLOWED), "templates", "test", ".ci", "docs"].flatMap((part) => helpers(part));
    expect(files.length).toBeGreaterThan(100);
    expect(tooLong(files)).toEqual([]);
  });

  it("never import each other in a circle, types included", () => {
    const files = projectFiles();
    expect(Object.keys(files).length).toBeGreaterThan(500);
    expect(circles(files)).toEqual([]);
  });

  it("use the registry's library through its door only", () => {
    const files = ["manifests", "kernel", "sdk", "extensions", "templates"].flatMap((part) => sources(part, [".ts", ".mjs", ".cjs"]));
    expect(files.flatMap(besideTheDoor)).toEqual([]);
  });
});

it("what authors bundle takes single files of manifests, not all contracts with the library that makes schemas", () => {
  const files = ["sdk/extension", "sdk/kits"].flatMap((part) => sources(part, [".ts"]));
  const whole = /^(?:import|export) (?!type\b)[^;]*?from "@plinth\/manifests";/m;
  expect(files.filter(({ text }) => whole.test(text)).map(({ path }) => path)).toEqual([]);
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

  it("in a file that is too long", () => {
    expect(tooLong([file("sdk/x.ts", "\n".repeat(351)), file("sdk/y.ts", "\n".repeat(350))])).toEqual(["sdk/x.ts has 351 lines"]);
  });

  it.each<[string, Record<string, string>]>([
    ["of two", { "a/x.ts": 'import { y } from "./y.ts";', "a/y.ts": 'import { x } from "./x.ts";' }],
    ["of types", { "a/x.ts": 'import type { Y } from "./y.ts";', "a/y.ts": 'type X = import("./x.ts").X;' }],
    ["by a door", { "a/index.ts": 'export * from "./x.ts";', "a/x.ts": 'import { z } from "./index.ts";' }],
    ["by a package's name", { "manifests/x.ts": 'export { y } from "./y.ts";', "manifests/y.ts": 'await import("@plinth/manifests/x.ts");' }],
    ["of three", { "a/x.ts": 'import "./y.ts";', "a/y.ts": 'import "./z.ts";', "a/z.ts": 'import "./x.ts";' }],
  ])("in a circle %s", (_what, files) => {
    expect(circles(files)).toHaveLength(1);
  });

  it("and none in files that import each other one way", () => {
    expect(circles({ "a/x.ts": 'import "./y.ts"; import "./z.ts";', "a/y.ts": 'import "./z.ts";', "a/z.ts": '// import "./x.ts";' })).toEqual([]);
  });

  it.each([
    ["extensions/plugins/manager/x.ts", 'import { solve } from "@plinth/registry/solve/index.ts";'],
    ["extensions/plugins/manager/x.ts", 'import { solve } from "../../../registry/solve/index.ts";'],
  ])("in %s beside the registry's door: %s", (path, text) => {
    expect(besideTheDoor(file(path, text))).toHaveLength(1);
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
    ["kernel/a/x.ts", 'import { x } from "@plinth/manifests/hooks/order.ts"; import { y } from "../host.ts";'],
    ["extensions/a/b/c/x.ts", 'import { x } from "@plinth/sdk"; import y from "../x.ts"; import { z } from "node:fs";'],
    ["extensions/plugins/manager/x.ts", 'import { x } from "@plinth/registry";'],
    ["kernel/x.ts", '// import { x } from "@plinth/sdk";'],
  ])("and none in %s: %s", (path, text) => {
    expect(wrongImports(file(path, text))).toEqual([]);
  });
});

describe("a package that others install lists the libraries that it imports, and no other", () => {
  /** Type declarations that its own declarations name, and what the product bundles with it. */
  const more: Record<string, string[]> = { registry: ["@types/semver"] };

  it.each(["manifests", "sdk", "registry"])("%s", (part) => {
    const json = JSON.parse(readFileSync(join(ROOT, part, "package.json"), "utf8"));
    const listed = Object.keys({ ...json.dependencies, ...json.devDependencies });
    const imported = sources(part, [".ts"])
      .filter(({ path }) => !path.startsWith("sdk/guest/"))
      .flatMap(({ text }) => specifiers(text))
      .filter((name) => !/^(\.|node:|@plinth\/)/.test(name))
      .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    expect(listed.sort()).toEqual([...new Set([...imported, ...(more[part] ?? [])])].sort());
  });
});

it("the lockfile names every workspace, so that npm ci works on a fresh clone", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const folders = globSync(workspaces as string[], { cwd: ROOT }).filter((folder) => existsSync(join(ROOT, folder, "package.json")));
  expect(folders.length).toBeGreaterThan(15);
  expect(folders.filter((folder) => lock.packages[folder] === undefined)).toEqual([]);
});
