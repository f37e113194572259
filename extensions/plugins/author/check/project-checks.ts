import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Finding } from "@plinth/registry";
import { errorInfo, type Manifest } from "@plinth/sdk";
import { bytes } from "../style.ts";
import { writeTypes } from "../types.ts";
import { installed } from "./installed.ts";
import { libraryAt } from "./library.ts";
import { failed, type Row } from "./row.ts";
import { type Ran, runProgram } from "./run-program.ts";
import { undeclared, unused, usedPowers } from "./used-powers.ts";

const TSC_MS = 120_000;
const TESTS_MS = 300_000;
const MAX_NOTES = 20;

/** Whether src/manifest.ts says what plinth.json and the contracts say. */
export async function checkTypes(dir: string, manifest: Manifest): Promise<Row> {
  if (manifest.entry === undefined) return { check: "types", status: "skipped", detail: "It has no code." };
  const file = ["src/manifest.ts", "manifest.ts"].find((name) => existsSync(join(dir, name)));
  if (file === undefined) {
    return { check: "types", status: "warning", detail: "There are no types of the manifest.", next: "Run `plinth types`." };
  }
  if (!(await writeTypes(dir, manifest, false)).changed) return { check: "types", status: "ok", detail: `${file} is up to date.` };
  return { check: "types", status: "failed", detail: `${file} does not match plinth.json.`, next: "Run `plinth types` and commit the file." };
}

/** The project's own TypeScript, when it has one. */
export async function checkCompiles(dir: string, signal: AbortSignal): Promise<Row> {
  if (!existsSync(join(dir, "tsconfig.json")) || !existsSync(join(dir, "src")))
    return { check: "compiles", status: "skipped", detail: "It has no TypeScript to check." };
  const tsc = installed(dir, "typescript/bin/tsc");
  if (tsc === undefined) {
    return {
      check: "compiles",
      status: "skipped",
      detail: "TypeScript is not installed in the project.",
      next: "Run `npm install` to have types checked.",
    };
  }
  const { code, output } = await runProgram(process.execPath, [tsc, "-p", ".", "--noEmit", "--pretty", "false"], dir, TSC_MS, signal);
  if (code === 0) return { check: "compiles", status: "ok", detail: "TypeScript finds nothing wrong." };
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return failed("compiles", { message: "TypeScript finds mistakes.", next: "Correct them." }, lines.slice(0, MAX_NOTES));
}

/** The project's own tests, with its contract's conformance suite in them. */
export async function checkTests(dir: string, manifest: Manifest, signal: AbortSignal): Promise<Row> {
  const scripts = await readFile(join(dir, "package.json"), "utf8").then(
    (text) => (JSON.parse(text) as { scripts?: Record<string, string> }).scripts ?? {},
    () => ({}) as Record<string, string>,
  );
  const files = (await readdir(join(dir, "test")).catch(() => [])).filter((name) => /\.test\.[cm]?[jt]s$/.test(name));
  if (scripts.test === undefined && files.length === 0) {
    return { check: "tests", status: "warning", detail: "It has no tests.", next: "Add one with the contract's suite from @plinth/sdk/testing." };
  }
  const ran = await runTests(dir, scripts.test, files, signal);
  if (ran.missing)
    return { check: "tests", status: "warning", detail: "Its tests need npm, which is not there.", next: "Install npm, and check again." };
  // As node:test says it, or as vitest does.
  const passed = (/^# pass (\d+)/m.exec(ran.output) ?? /^\s*Tests\s+(?:.*\|\s*)?(\d+) passed/m.exec(ran.output))?.[1];
  if (ran.code !== 0) {
    const lines = ran.output.split("\n").filter((line) => /^\s*not ok|error:|Error:|^\s*[×✗]|FAIL/.test(line));
    const notes = (lines.length > 0 ? lines : ran.output.trim().split("\n").slice(-MAX_NOTES)).slice(0, MAX_NOTES).map((line) => line.trim());
    return failed("tests", { message: "Its tests fail.", next: "Run `npm test` to see them in full." }, notes);
  }
  const suite = await usesSuite(dir, files);
  if (!suite && hasSuite(manifest) && files.length > 0) {
    return {
      check: "tests",
      status: "warning",
      detail: `${counted(passed)}, none of them of the contract's own suite.`,
      next: "Add describeConformance(…) of @plinth/sdk/testing.",
    };
  }
  return { check: "tests", status: "ok", detail: `${counted(passed)}${suite ? ", the contract's suite among them" : ""}.` };
}

const counted = (passed: string | undefined): string => (passed === "1" ? "1 test passes" : `${passed ?? "All"} tests pass`);

/** The SDK has suites for contracts of the product, and for what answers its hooks; none for what others define. */
const hasSuite = ({ entry, provides = [], hooks = [] }: Manifest): boolean =>
  entry !== undefined && (hooks.length > 0 || provides.some(({ contract }) => contract.startsWith("plinth.")));

/** By this Node where the test's program is known; else as the project says. */
function runTests(dir: string, script: string | undefined, files: readonly string[], signal: AbortSignal): Promise<Ran> {
  const vitest = installed(dir, "vitest/vitest.mjs");
  const [program, ...words] = (script ?? "").split(" ");
  if (program === "vitest" && words[0] === "run" && vitest !== undefined)
    return runProgram(process.execPath, [vitest, ...words], dir, TESTS_MS, signal);
  if (script !== undefined && !/^node --test\b/.test(script)) return runProgram("npm", ["test", "--silent"], dir, TESTS_MS, signal);
  const tap = ["--test", "--test-reporter=tap", ...files.map((name) => join("test", name))];
  return runProgram(process.execPath, tap, dir, TESTS_MS, signal);
}

async function usesSuite(dir: string, files: readonly string[]): Promise<boolean> {
  const texts = await Promise.all(files.map((name) => readFile(join(dir, "test", name), "utf8")));
  return texts.some((text) => text.includes("describeConformance("));
}

/** Powers that are used against those that are declared, and what the registry's own checks say of the package. */
export async function checkPermissions(dir: string, manifest: Manifest, files: ReadonlyMap<string, Buffer>): Promise<Row & { findings: Finding[] }> {
  const { scanPackage } = await import("@plinth/registry");
  const all = await scanPackage(manifest, files as Map<string, Buffer>);
  const findings = all.filter(({ capability }) => capability !== "tools");
  const uses = usedPowers(await sources(dir));
  const missing = undeclared(manifest, uses).map(
    ({ power, name, file, line }) => `${file}:${line} uses ${power}${name === undefined ? "" : ` ${name}`}, which plinth.json does not declare.`,
  );
  const spare = manifest.entry === undefined ? [] : unused(manifest, uses).map((what) => `${what} is declared, and the source shows no use of it.`);
  const told = (level: Finding["level"]) =>
    findings.filter((finding) => finding.level === level).map(({ message, file, line }) => `${placeOf(files, file, line)} ${message}`);
  const grave = [...missing, ...told("danger")];
  const notes = [...grave, ...spare, ...told("warning")].slice(0, MAX_NOTES);
  const base = { check: "permissions", notes, findings } as const;
  if (grave.length > 0) {
    return {
      ...base,
      status: "failed",
      detail: `${grave.length} use${grave.length === 1 ? "" : "s"} of powers that are not declared.`,
      next: "Declare them under `permissions`, or do without.",
    };
  }
  if (notes.length > 0) return { ...base, status: "warning", detail: "Look at these:", next: "Ask for no more than it uses." };
  const count = Object.values(manifest.permissions ?? {}).flat().length;
  return { ...base, status: "ok", detail: count === 0 ? "It asks for none, and uses none." : `What it uses is what it declares (${count}).` };
}

/** What becomes of its tools at each family of vendors of models; a set's tools are known when it runs. */
export async function checkModels(manifest: Manifest): Promise<Row[]> {
  const { toolFindings, toolsIn } = await import("@plinth/registry");
  const count = toolsIn(manifest).length;
  if (count === 0) return [];
  const found = toolFindings(manifest);
  const refused = found.filter(({ level }) => level === "warning").length;
  const tools = count === 1 ? "Its tool is" : `Its ${count} tools are`;
  const notes = found
    .toSorted((a, b) => Number(b.level === "warning") - Number(a.level === "warning"))
    .map(({ message }) => message)
    .slice(0, MAX_NOTES);
  if (refused > 0) {
    const next = "Correct the schemas: a vendor that refuses one is asked without that tool.";
    return [
      {
        check: "models",
        status: "warning",
        detail: `${refused === 1 ? "A tool is" : `${refused} tools are`} no schema that a vendor takes:`,
        notes,
        next,
      },
    ];
  }
  if (found.length === 0) return [{ check: "models", status: "ok", detail: `${tools} taken as written by every vendor of models.` }];
  return [{ check: "models", status: "ok", detail: `${tools} taken by every vendor of models, some rewritten:`, notes }];
}

/** A file of the package and its line, with the library that it came with. */
function placeOf(files: ReadonlyMap<string, Buffer>, file?: string, line?: number): string {
  if (file === undefined || line === undefined) return file ?? "the package";
  const library = libraryAt(files.get(file)?.toString("utf8") ?? "", line);
  return `${file}:${line}${library === undefined ? "" : ` (of the package ${library})`}`;
}

export function checkSize(size: number, budget: number): Row {
  const detail = `${bytes(size)} of ${bytes(budget)}.`;
  if (size <= budget) return { check: "size", status: "ok", detail };
  return { check: "size", status: "failed", detail: `${detail} It is too large.`, next: "Leave out what it does not need, or set --budget." };
}

/** Source files of the project itself, by name. */
async function sources(dir: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const folder = existsSync(join(dir, "src")) ? join(dir, "src") : dir;
  for (const one of await readdir(folder, { recursive: folder !== dir, withFileTypes: true })) {
    if (!one.isFile() || !/\.[cm]?[jt]s$/.test(one.name) || /\.test\.|\.d\.ts$/.test(one.name)) continue;
    const path = join(one.parentPath, one.name);
    found.set(relative(dir, path), await readFile(path, "utf8").catch((error) => errorInfo(error).message));
  }
  return found;
}
