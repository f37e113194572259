import { randomBytes } from "node:crypto";
import { isBuiltin, SourceMap } from "node:module";
import { posix } from "node:path";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { BuildFailure, Metafile } from "esbuild";
import { loadEsbuild } from "../load-esbuild.ts";
import { type Capability, GLOBALS, powerOfModule } from "./powers.ts";

/** A place in code that uses a power, or hides what it uses. */
export interface PowerUse {
  capability: Capability;
  /** Such as fetch, node:fs or import(…). */
  what: string;
  /** How: a use is what it says, hidden is what cannot be told without running it, passed is what may be used anywhere else. */
  kind: "use" | "hidden" | "passed";
  line?: number;
}

export interface CodePowers {
  uses: PowerUse[];
  /** The code in one spelling: parsed and printed again, without comments, constants put together. */
  plain: string;
}

/** For all files of one package. */
export const PARSE_MS = 20_000;
/** Characters of one file. */
const MAX_CODE = 4 * 1024 * 1024;
/** Names for the global object. */
const ROOTS: readonly string[] = ["globalThis", "global", "self"];

/**
 * What powers a module's code uses, told without running it. The parser is esbuild's: it knows which names are free,
 * puts constants together (`"child_" + "process"`), and lists imports whatever their form. What it cannot tell, such as
 * an import whose name is computed, is told as hidden.
 *
 * Code can be nested so deeply, or be so long, that the parser's process ends or never does: the next file gets another one.
 *
 * @param holds whether the package has a file of this name, which is then looked at by itself.
 * @param ms how long it may take.
 * @throws PLINTH_ESBUILD_MISSING, PLINTH_SCAN_SYNTAX when the code is no JavaScript module.
 */
export async function codePowers(code: string, file: string, holds: (name: string) => boolean, ms: number = PARSE_MS): Promise<CodePowers> {
  if (code.length > MAX_CODE) throw unreadable(file, "it is too large to be checked");
  const { build, stop } = await loadEsbuild();
  // A name that the code cannot know stands for each free global, so that it can be found in what is printed.
  const mark = `__${randomBytes(12).toString("hex")}_`;
  const names = [...Object.keys(GLOBALS), ...ROOTS, "process"];
  const nameOf = new Map(names.map((name, at) => [`${mark}${at}_`, name]));
  const define = Object.fromEntries([...nameOf].flatMap(([marked, name]) => spellings(name).map((spelling) => [spelling, marked])));
  const parsed = build({
    stdin: { contents: code, loader: "js", sourcefile: file },
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    outfile: "out.js",
    metafile: true,
    sourcemap: "external",
    sourcesContent: false,
    minifySyntax: true,
    treeShaking: false,
    legalComments: "none",
    charset: "utf8",
    logLevel: "silent",
    define,
    tsconfigRaw: {},
    logOverride: { "unsupported-dynamic-import": "warning", "unsupported-require-call": "warning", "indirect-require": "warning" },
    // Nothing is read but the code itself.
    plugins: [
      {
        name: "alone",
        setup: (at) => at.onResolve({ filter: /.*/ }, ({ path, kind }) => (kind === "entry-point" ? null : { path, external: true })),
      },
    ],
  }).catch((error: BuildFailure) => {
    const [first] = error.errors ?? [];
    throw unreadable(file, `${first?.text ?? error.message}${first?.location ? `, line ${first.location.line}` : ""}`);
  });
  const result = await within(parsed, ms, () => unreadable(file, "it takes too long to parse")).catch(async (error: unknown) => {
    // The parser would go on for as long as it takes, for nobody.
    await stop();
    throw error;
  });
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))!.text;
  const map = new SourceMap(JSON.parse(text(".js.map")));
  const printed = text(".js").replace(/\n\/\/# sourceMappingURL=.*\s*$/, "");
  const hidden = result.warnings.flatMap(({ id, location }): PowerUse[] => {
    const what = HIDDEN[id];
    return what === undefined ? [] : [{ capability: "code", what, kind: "hidden", ...(location === null ? {} : { line: location.line }) }];
  });
  const uses = [
    ...moduleUses(result.metafile, (path) => path.startsWith(".") && holds(posix.join(posix.dirname(file), path))),
    ...globalUses(printed, mark, nameOf, map),
    ...hidden,
  ];
  return { uses, plain: printed.replace(new RegExp(`${mark}\\d+_`, "g"), (marked) => nameOf.get(marked)!) };
}

const HIDDEN: Readonly<Record<string, string>> = {
  "unsupported-dynamic-import": "import(…) of a computed name",
  "unsupported-require-call": "require(…) of a computed name",
  "indirect-require": "require used as a value",
};

/** A global goes by its own name and as a property of each name for the global object. */
function spellings(name: string): string[] {
  return ROOTS.includes(name) ? [name] : [name, ...ROOTS.map((root) => `${root}.${name}`)];
}

function moduleUses({ outputs }: Metafile, isOwn: (path: string) => boolean): PowerUse[] {
  const modules = new Set(Object.values(outputs).flatMap(({ imports }) => imports.map(({ path }) => path)));
  return [...modules].sort().flatMap((what): PowerUse[] => {
    if (isOwn(what)) return [];
    if (!isBuiltin(what)) return [{ capability: "code", what: `the module ${what}, which the package does not hold`, kind: "hidden" }];
    const capability = powerOfModule(what);
    return capability === undefined ? [] : [{ capability, what, kind: "use" }];
  });
}

function globalUses(printed: string, mark: string, nameOf: ReadonlyMap<string, string>, map: SourceMap): PowerUse[] {
  const found: PowerUse[] = [];
  let line = 0;
  let start = 0;
  for (const match of printed.matchAll(new RegExp(`\\n|(typeof )?(${mark}\\d+_)((?:\\.[\\w$]{1,200}){0,8})(\\[?)`, "g"))) {
    const [, asked, marked, path = "", computed] = match;
    if (marked === undefined) {
      line++;
      start = match.index + 1;
      continue;
    }
    const origin = map.findEntry(line, match.index + (asked?.length ?? 0) - start);
    const at = "originalLine" in origin ? { line: origin.originalLine + 1 } : {};
    const use = useOf(nameOf.get(marked)!, path, computed === "[", asked !== undefined);
    if (use !== undefined) found.push({ ...use, ...at });
  }
  return found;
}

/** What a free name with the properties after it comes to. Constants may have been put together into them just now. */
function useOf(name: string, path: string, computed: boolean, asked: boolean): PowerUse | undefined {
  const whole = (ROOTS.includes(name) ? path.slice(1) : name + path).split(".");
  const power = [whole.slice(0, 2).join("."), whole[0]!].find((one) => Object.hasOwn(GLOBALS, one));
  if (power !== undefined) return { capability: GLOBALS[power]!, what: power, kind: "use" };
  if (path === "" && computed) return { capability: "code", what: `a computed property of ${name}`, kind: "hidden" };
  // `typeof globalThis` only asks where it runs.
  return path === "" && !asked ? { capability: "code", what: `${name} as a value`, kind: "passed" } : undefined;
}

async function within<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  return Promise.race([work, end]).finally(() => clearTimeout(timer));
}

function unreadable(file: string, why: string): PlinthError {
  return new PlinthError("PLINTH_SCAN_SYNTAX", `${file} cannot be read as a JavaScript module: ${why}.`, {
    next: "Pack the extension with `plinth pack`.",
  });
}
