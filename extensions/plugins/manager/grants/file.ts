import type { Context } from "@plinth/sdk";
import { askOf, exportTo, importOptions, readShown } from "../document-file.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { documentOf, type GrantsDocument, readDocument } from "./document.ts";
import { endOf, placeOf } from "./grant.ts";
import { type ImportPlan, planImport } from "./import-plan.ts";

const CODE = "PLINTH_GRANTS_FILE";

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
      return exportTo(document, Object.keys(document.grants), input.file, cwd, CODE);
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
    options: importOptions,
    examples: ["import grants.json", "import grants.json --yes"],
    async *run({ input, cwd, signal }): AsyncGenerator<string, Imported> {
      const { file, text, sha256 } = await readShown(input, cwd, CODE);
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
      const { block, confirm } = askOf(
        "grants",
        input.file,
        sha256,
        `Put ${accepted.length} of ${accepted.length + skipped.length} grants of ${file} in force?`,
      );
      return { blocks: [...blocks, block], confirm };
    },
  };
}
