import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorInfo, PlinthError } from "@plinth/sdk";
import { type Author, type CommandInput, pathOf, type TerminalItem, word } from "../command.ts";
import { checkContracts } from "../contracts/check-contracts.ts";
import { buildProject } from "../live/project.ts";
import { sdkOf } from "../pack.ts";
import { bytes, type Paint, painter, printable, progress } from "../style.ts";
import { checkCompiles, checkModels, checkPermissions, checkSize, checkTests, checkTypes } from "./project-checks.ts";
import { failed, type Row, type Status } from "./row.ts";
import { checkTiers } from "./tiers.ts";

/** Of the packed extension. */
const BUDGET_KIB = 512;
const MARK: Record<Status, [style: Parameters<Paint>[0], text: string]> = {
  ok: ["green", "ok"],
  warning: ["yellow", "look"],
  failed: ["red", "FAILED"],
  skipped: ["dim", "skipped"],
};

/** `plinth check [DIR]`: all that can be known before anybody else runs it. Exit 1 when something fails. */
export async function* check({ product }: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const dir = pathOf(input, word(input.args, "dir"));
  const budget = budgetOf(word(input.options, "budget"));
  const strict = input.options.strict === true;
  const paint = painter(input);
  const rows: Row[] = [];
  const add = (row: Row): TerminalItem[] => {
    rows.push(row);
    return input.terminal.json ? [] : [...progress(input, ""), { out: shown(row, paint) }];
  };
  const { readManifest } = await import("@plinth/registry");
  const manifest = await readManifest(dir).catch((error: unknown) => {
    if (!["PLINTH_MANIFEST_INVALID"].includes(errorInfo(error).code)) throw error;
    return errorInfo(error);
  });
  if ("code" in manifest) yield* add(failed("manifest", manifest));
  else {
    const { id, version } = manifest;
    yield* add({ check: "manifest", status: "ok", detail: `${id} ${version} is valid.` });
    for (const row of await checkContracts(dir, manifest)) yield* add(row);
    yield* add(await checkTypes(dir, manifest));
    yield* progress(input, "checking types");
    yield* add(await checkCompiles(dir, signal));
    yield* progress(input, "running its tests");
    yield* add(await checkTests(dir, manifest, signal));
    const into = await mkdtemp(join(tmpdir(), "plinth-check-"));
    try {
      const built = await buildProject(dir, join(into, "package"), sdkOf(product.sdk())).catch((error: unknown) => errorInfo(error));
      if ("code" in built) yield* add(failed("package", built));
      else {
        yield* add({ check: "package", status: "ok", detail: `${built.files.size} files, ${bytes(built.size)}.` });
        yield* add(await checkPermissions(dir, built.manifest, built.files));
        for (const row of await checkModels(built.manifest)) yield* add(row);
        yield* add(checkSize(built.size, budget));
        yield* progress(input, "starting it in a live host");
        for await (const row of checkTiers(dir, built.manifest, built.dir, product.bin())) yield* add(row);
      }
    } finally {
      await rm(into, { recursive: true, force: true });
    }
  }
  const count = (status: Status) => rows.filter((row) => row.status === status).length;
  const ok = count("failed") === 0 && !(strict && count("warning") > 0);
  const id = "code" in manifest ? null : manifest.id;
  if (input.terminal.json) yield { result: { id, ok, rows } };
  else yield { out: `${summary(ok, count("failed"), count("warning"), paint)}\n` };
  if (!ok) yield { exit: 1 };
}

function shown({ check, of, status, detail, notes = [], next }: Row, paint: Paint): string {
  const [style, mark] = MARK[status];
  const lines = [`${paint(style, mark.padEnd(7))}  ${(of === undefined ? check : `${check} ${of}`).padEnd(13)}  ${printable(detail)}`];
  for (const note of notes) lines.push(`${" ".repeat(24)}${printable(note)}`);
  if (next !== undefined && status !== "ok") lines.push(paint("dim", `${" ".repeat(24)}next: ${printable(next)}`));
  return `${lines.join("\n")}\n`;
}

function summary(ok: boolean, failures: number, warnings: number, paint: Paint): string {
  const looks = warnings === 0 ? "" : `, ${warnings} to look at`;
  return ok ? paint("green", `It is ready to publish${looks}.`) : paint("red", `${failures} failed${looks}.`);
}

function budgetOf(text: string | undefined): number {
  const kib = text === undefined ? BUDGET_KIB : Number(text);
  if (Number.isInteger(kib) && kib > 0) return kib * 1_024;
  throw new PlinthError("PLINTH_USAGE", `--budget takes a number of KiB, not ${JSON.stringify(text)}.`, { next: "Such as --budget 256." });
}
