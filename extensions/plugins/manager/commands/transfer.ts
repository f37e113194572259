import { type Context, PlinthError } from "@plinth/sdk";
import { askOf, exportTo, importOptions, readShown } from "../document-file.ts";
import { documentOf, type GrantsDocument, readDocument } from "../grants/document.ts";
import { partsBlocks } from "../install-report.ts";
import type { Installation } from "../installation.ts";
import type { Operation } from "../operation.ts";
import { type Block, code } from "../report.ts";
import { stepsOfLock } from "../set/locked.ts";
import type { Part } from "../set/step.ts";
import { type Lock, readWorld } from "../world.ts";

/** Everything that is installed with what it may do, as one document for another host. */
interface SetDocument {
  format: "plinth-set";
  version: 1;
  lock: Lock;
  grants: GrantsDocument;
}

const CODE = "PLINTH_SET_FILE";

export function exportSet(ctx: Context): Operation {
  return {
    name: "export",
    only: "shell",
    summary: "Write what is installed and what it was granted as one document",
    access: "owner",
    args: [{ name: "file", summary: "New file to write; none prints it" }],
    examples: ["export", "export set.json"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run({ input, cwd, signal }) {
      const { lock } = await readWorld(ctx);
      const { grants } = await ctx.use("plinth.host").one().grants({}, { signal });
      const document: SetDocument = { format: "plinth-set", version: 1, lock, grants: documentOf(grants, ctx.clock.now()) };
      return exportTo(document, Object.keys(lock.extensions), input.file, cwd, CODE);
    },
    report(result: SetDocument | { file: string; exported: string[] }) {
      if ("format" in result) return { blocks: [], verbatim: `${JSON.stringify(result, null, 2)}\n` };
      return { blocks: [{ text: `${result.exported.length} extensions with their grants are in ${code(result.file)}.` }] };
    },
  };
}

interface Imported {
  status: "needs-confirmation" | "imported" | "unchanged";
  file: string;
  sha256: string;
  parts: Part[];
  /** Grants that were put in force with their scopes and ends. */
  granted: string[];
  skipped: { id: string; why: string }[];
}

export function importSet(ctx: Context, installation: Installation): Operation {
  return {
    name: "import",
    only: "shell",
    summary: "Install what another host exported, to the byte, with the grants that hold there",
    access: "owner",
    args: [{ name: "file", summary: "What plugins export wrote", required: true }],
    options: importOptions,
    examples: ["import set.json", "import set.json --yes"],
    async *run({ input, cwd, requester, signal }): AsyncGenerator<string, Imported> {
      const { file, text, sha256 } = await readShown(input, cwd, CODE);
      const { lock, grants } = await readSet(text, file);
      const world = await readWorld(ctx);
      yield "Comparing with what is installed …";
      const steps = await stepsOfLock(lock, world, { kept: (digest) => installation.previous.folder(digest), exactly: false });
      const shown = { file, sha256, parts: [] as Part[], granted: [] as string[], skipped: [] as { id: string; why: string }[] };
      const staged: string[] = [];
      try {
        if (steps.length > 0) {
          const prepared = yield* installation.prepare(steps, world, cwd, staged, signal);
          shown.parts = prepared.parts;
          if (input.yes !== true) return { status: "needs-confirmation", ...shown };
          yield* installation.settle(prepared, "yes", requester, signal);
        }
        const admin = ctx.use("plinth.host-admin").one();
        const { imported, skipped } = await admin.importGrants({ grants: grants.grants }, { signal });
        return { status: steps.length === 0 ? "unchanged" : "imported", ...shown, granted: imported, skipped };
      } finally {
        await installation.drop(staged);
      }
    },
    report({ status, file, sha256, parts, skipped }: Imported, { input }) {
      const blocks: Block[] = [];
      if (status === "unchanged") blocks.push({ text: `Everything of ${code(file)} is installed here already.` });
      else if (status === "imported") blocks.push({ text: "Installed:" }, { items: parts.map(({ id, version }) => `${id} ${version}`) });
      else blocks.push(...partsBlocks(parts));
      if (skipped.length > 0) blocks.push({ title: "Grants left out" }, { items: skipped.map(({ id, why }) => `${id}: ${why}`) });
      if (status !== "needs-confirmation") return { blocks };
      const { block, confirm } = askOf("plugins", input.file, sha256, `Install ${parts.length} extensions of ${file} with these permissions?`);
      return { blocks: [...blocks, block], confirm };
    },
  };
}

async function readSet(text: string, file: string): Promise<Pick<SetDocument, "lock" | "grants">> {
  const wrong = (why: string) =>
    new PlinthError(CODE, `${file} is not an export of a host: ${why}.`, { next: "Make one with: plinth plugins export FILE" });
  let value: Partial<SetDocument>;
  try {
    value = JSON.parse(text) as Partial<SetDocument>;
  } catch {
    throw wrong("it is not JSON");
  }
  if (typeof value !== "object" || value === null || value.format !== "plinth-set") throw wrong("its format is another one");
  if (value.version !== 1) throw wrong("its version is another one than 1");
  const { parseLock } = await import("@plinth/registry");
  const lock = parseLock(`${file}: lock`, JSON.stringify(value.lock ?? null)) as Lock;
  return { lock, grants: readDocument(JSON.stringify(value.grants ?? null), `${file}: grants`) };
}
