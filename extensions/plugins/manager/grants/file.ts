import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { type Context, PlinthError } from "@plinth/sdk";
import { readTextFile, writeNewFile } from "../document-file.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { documentOf, type GrantsDocument, readDocument } from "./document.ts";
import { endOf, placeOf } from "./grant.ts";
import { type ImportPlan, planImport } from "./import-plan.ts";

const CODE = "PLINTH_GRANTS_FILE";
const SHOWN_HASH = 16;

/** Grants as a file: to keep them, and to put the same ones in force on another host. */
export function grantFileOperations(ctx: Context): Operation[] {
  return [exportGrants(ctx), importGrants(ctx)];
}

function exportGrants(ctx: Context): Operation {
  return {
    group: "grants",
    name: "export",
    only: "shell",
    summary: "Write all grants, with the digests that they are bound to, as JSON",
    access: "owner",
    args: [{ name: "file", summary: "New file to write; none prints them" }],
    examples: ["export", "export grants.json"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run({ input, cwd, signal }) {
      const { grants } = await ctx.use("plinth.host").one().grants({}, { signal });
      const document = documentOf(grants, ctx.clock.now());
      if (typeof input.file !== "string") return document;
      const file = resolve(cwd, input.file);
      await writeNewFile(file, `${JSON.stringify(document, null, 2)}\n`, CODE);
      return { file, exported: Object.keys(document.grants) };
    },
    report(result: GrantsDocument | { file: string; exported: string[] }) {
      if ("format" in result) return { blocks: [], verbatim: `${JSON.stringify(result, null, 2)}\n` };
      return { blocks: [{ text: `${result.exported.length} ${result.exported.length === 1 ? "grant is" : "grants are"} in ${code(result.file)}.` }] };
    },
  };
}

interface Imported extends ImportPlan {
  status: "needs-confirmation" | "imported" | "nothing";
  file: string;
  sha256: string;
}

function importGrants(ctx: Context): Operation {
  return {
    group: "grants",
    name: "import",
    only: "shell",
    summary: "Put exported grants in force, for what is installed here with exactly the same bytes",
    access: "owner",
    args: [{ name: "file", summary: "What grants export wrote", required: true }],
    options: {
      yes: { type: "boolean", short: "y", summary: "Do not ask" },
      sha256: { type: "string", value: "HASH", summary: "Only if the file's SHA-256 begins like this" },
    },
    examples: ["import grants.json", "import grants.json --yes"],
    async *run({ input, cwd, signal }): AsyncGenerator<string, Imported> {
      const file = resolve(cwd, String(input.file));
      const text = await readTextFile(file, CODE);
      const sha256 = createHash("sha256").update(text).digest("hex");
      if (typeof input.sha256 === "string" && (input.sha256.length < SHOWN_HASH || !sha256.startsWith(input.sha256.toLowerCase()))) {
        throw new PlinthError(CODE, `${file} is not the file that was shown.`, {
          next: "Import it again without --sha256 and look at what it grants.",
        });
      }
      yield "Comparing with what is installed …";
      const plan = await planImport(ctx, readDocument(text, file), signal);
      const shown = { file, sha256, ...plan };
      if (plan.accepted.length === 0) return { status: "nothing", ...shown };
      if (input.yes !== true) return { status: "needs-confirmation", ...shown };
      const grants = Object.fromEntries(plan.accepted.map(({ id, grant }) => [id, grant]));
      const { imported, skipped } = await ctx.use("plinth.host-admin").one().importGrants({ grants }, { signal });
      const accepted = plan.accepted.filter(({ id }) => imported.includes(id));
      return { status: "imported", ...shown, accepted, skipped: [...plan.skipped, ...skipped] };
    },
    report({ status, file, sha256, accepted, skipped }: Imported, { input }) {
      const now = ctx.clock.now();
      const blocks: Block[] = [];
      const titles = {
        nothing: "Nothing in it can be put in force here.",
        imported: "In force now",
        "needs-confirmation": "This would be put in force",
      };
      blocks.push(status === "nothing" ? { text: titles.nothing } : { title: titles[status] });
      for (const { id, grant, lifts } of accepted) {
        const items = [...grant.asks, ...(lifts === undefined ? [] : [`lifts a limit that holds here now: ${lifts}`])];
        blocks.push(
          { text: `${code(id)} ${safe(grant.version)}, ${safe(placeOf(grant))}, ${endOf(grant, now)}` },
          { items: items.length > 0 ? items : ["nothing outside itself"] },
        );
      }
      if (skipped.length > 0) blocks.push({ title: "Left out" }, { items: skipped.map(({ id, why }) => `${id}: ${why}`) });
      if (status !== "needs-confirmation") return { blocks };
      const argv = ["grants", "import", String(input.file), "--sha256", sha256.slice(0, SHOWN_HASH), "--yes"];
      blocks.push({ text: `Yes: ${code(`plinth ${argv.join(" ")}`)}` });
      return { blocks, confirm: { question: `Put ${accepted.length} of ${accepted.length + skipped.length} grants of ${file} in force?`, argv } };
    },
  };
}
