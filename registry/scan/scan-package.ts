import type { Manifest } from "@plinth/manifests";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { codePowers, PARSE_MS, type PowerUse } from "./code-powers.ts";
import { codeShape, strangeAddresses } from "./code-shape.ts";
import { type Finding, LEVELS } from "./finding.ts";
import { hiddenText } from "./hidden-text.ts";
import { declares } from "./powers.ts";
import { steeringFindings, steeringTexts } from "./steering.ts";
import { toolFindings } from "./tool-verdicts.ts";

const CODE = /\.(m|c)?js$/i;
const TEXT = /\.(m?js|cjs|json|md|txt|html|css|svg|ya?ml)$|^(readme|license|licence|notice|changelog)$/i;
const MAX_FINDINGS = 200;
/** Parsed of one package; what is beyond is said not to have been checked. */
const MAX_CODE_FILES = 200;
const MAX_CODE_BYTES = 16 * 1024 * 1024;
/** What a page in a browser does, it does behind the browser's walls. */
const PAGE = /^assets\//;

/**
 * What there is to say about a package without running any of it, the gravest first. A power that the manifest declares
 * is no alarm; one that it does not declare is. These are hints for people: what holds an extension back are the walls.
 *
 * @param parseMs how long parsing its code may take in all; what is left over is said not to have been checked.
 */
export async function scanPackage(manifest: Manifest, files: ReadonlyMap<string, Buffer>, parseMs: number = PARSE_MS): Promise<Finding[]> {
  const findings: Finding[] = [
    ...steeringFindings(steeringTexts(manifest, files)),
    ...hiddenText(JSON.stringify(manifest), "plinth.json"),
    ...toolFindings(manifest),
  ];
  const parsed = { files: 0, bytes: 0, beyond: 0 };
  const end = performance.now() + parseMs;
  for (const [name, bytes] of files) {
    const binary = binaryKind(bytes);
    if (binary !== undefined)
      findings.push({ capability: "code", level: binary.level, message: `It is ${binary.what}, which cannot be checked.`, file: name });
    else if (TEXT.test(name) && name !== "plinth.json") findings.push(...hiddenText(bytes.toString("utf8"), name));
    if (!CODE.test(name)) continue;
    const left = end - performance.now();
    if (left <= 0 || parsed.files === MAX_CODE_FILES || parsed.bytes + bytes.length > MAX_CODE_BYTES) {
      parsed.beyond++;
      continue;
    }
    parsed.files++;
    parsed.bytes += bytes.length;
    findings.push(...(await codeFindings(manifest, name, bytes.toString("utf8"), (other) => files.has(other), left)));
  }
  if (parsed.beyond > 0) {
    findings.push({ capability: "code", level: "danger", message: `It holds more code than is checked: ${parsed.beyond} files were left out.` });
  }
  return findings.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level)).slice(0, MAX_FINDINGS);
}

async function codeFindings(manifest: Manifest, file: string, code: string, holds: (name: string) => boolean, ms: number): Promise<Finding[]> {
  const shape = codeShape(code, file);
  try {
    const { uses, plain } = await codePowers(code, file, holds, ms);
    const addresses = strangeAddresses(plain, file, manifest.permissions?.net ?? []);
    const groups = [...Map.groupBy(uses, ({ what }) => what).values()];
    return [...shape, ...addresses, ...groups.map((group) => told(manifest, file, group))];
  } catch (error) {
    if (!(error instanceof PlinthError)) throw error;
    return [...shape, { capability: "code", level: PAGE.test(file) ? "warning" : "danger", message: error.message, file }];
  }
}

/** One finding for all uses of the same thing. */
function told(manifest: Manifest, file: string, uses: readonly PowerUse[]): Finding {
  const { capability, what, kind } = uses[0]!;
  const line = uses.find((use) => use.line !== undefined)?.line;
  const times = uses.length === 1 ? "" : ` (${uses.length} times)`;
  const at = { file, ...(line === undefined ? {} : { line }) };
  const finding = (level: Finding["level"], message: string): Finding => ({ capability, level, message, ...at });
  if (kind === "hidden") return finding("warning", `It uses ${what}, so that what it reaches cannot be told${times}.`);
  if (kind === "passed") return finding("information", `It uses ${what}${times}, by which it may reach any global.`);
  if (capability === "code") return finding("warning", `It uses ${what}, by which code is made or found at run time${times}.`);
  if (declares(manifest, capability)) return finding("information", `It uses ${what}${times}, as its permission ${capability} says.`);
  return finding(PAGE.test(file) ? "information" : "danger", `It uses ${what}${times}, but its manifest does not declare ${capability}.`);
}

const MAGIC: readonly [string, string, Finding["level"]][] = [
  ["7f454c46", "a native program or library (ELF)", "danger"],
  ["4d5a", "a native program or library (Windows)", "danger"],
  ["cffaedfe", "a native program or library (macOS)", "danger"],
  ["cafebabe", "a native program or Java class", "danger"],
  ["0061736d", "a WebAssembly module", "warning"],
];

function binaryKind(bytes: Buffer): { what: string; level: Finding["level"] } | undefined {
  const head = bytes.subarray(0, 4).toString("hex");
  const [, what, level] = MAGIC.find(([magic]) => head.startsWith(magic)) ?? [];
  return what === undefined ? undefined : { what, level: level! };
}
