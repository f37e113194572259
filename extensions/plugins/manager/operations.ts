import { type Context, PlinthError } from "@plinth/sdk";
import { frozenReport, installFrozen } from "./commands/frozen.ts";
import { info } from "./commands/info.ts";
import { marketplaceOperations } from "./commands/marketplace.ts";
import { outdated } from "./commands/outdated.ts";
import { pin, unpin } from "./commands/pin.ts";
import { prune } from "./commands/prune.ts";
import { rollback } from "./commands/rollback.ts";
import { exportSet, importSet } from "./commands/transfer.ts";
import { update } from "./commands/update.ts";
import { verify } from "./commands/verify.ts";
import { why } from "./commands/why.ts";
import { doctor } from "./doctor.ts";
import { grantFileOperations } from "./grants/file.ts";
import { grantOperations } from "./grants/operations.ts";
import { inspect } from "./inspection.ts";
import { installReport } from "./install-report.ts";
import type { Installation } from "./installation.ts";
import { list, search } from "./listing.ts";
import type { Operation } from "./operation.ts";
import { code, safe } from "./report.ts";
import { trustOperations } from "./trust/operations.ts";
import type { Setup } from "./upkeep/setup.ts";
import { readWorld, unneededIn } from "./world.ts";

/** Everything that the plugin manager does, once. */
export function operations(ctx: Context, installation: Installation, setup: Setup): Operation[] {
  const { registries } = installation;
  return [
    list(ctx),
    search(ctx),
    info(ctx, registries),
    install(ctx, installation),
    confirm(installation),
    inspect(ctx),
    why(ctx),
    outdated(ctx, registries),
    update(ctx, installation),
    rollback(ctx, installation),
    verify(ctx, registries),
    pin(ctx),
    unpin(ctx),
    doctor(ctx, setup),
    enable(ctx, true),
    enable(ctx, false),
    uninstall(ctx, installation),
    prune(ctx, installation),
    exportSet(ctx),
    importSet(ctx, installation),
    ...marketplaceOperations(ctx, registries),
    ...trustOperations(ctx, registries),
    ...grantOperations(ctx),
    ...grantFileOperations(ctx),
  ];
}

function install(ctx: Context, installation: Installation): Operation {
  return {
    name: "install",
    summary: "Install or update an extension, after you saw what it may do",
    access: "owner",
    args: [{ name: "spec", summary: "A package, a folder or an archive; with --frozen a lockfile or none", required: true, unless: "frozen" }],
    options: {
      yes: { type: "boolean", short: "y", summary: "Consent to everything it asks for", only: "shell" },
      frozen: { type: "boolean", summary: "Exactly what the lockfile says, or nothing", only: "shell" },
    },
    examples: ["install demo.dice", "install demo.dice@^1", "install ./my-extension", "install dice.tgz --yes", "install --frozen"],
    run(job) {
      const { input, requester, cwd, signal } = job;
      if (input.frozen === true) return installFrozen(ctx, installation, job);
      if (!input.spec)
        throw new PlinthError("PLINTH_USAGE", "plugins.install: spec is missing.", {
          next: "Name a package such as demo.dice, a folder or an archive.",
        });
      return installation.install(String(input.spec), input.yes === true, cwd, requester, signal);
    },
    report: frozenReport,
  };
}

function confirm(installation: Installation): Operation {
  return {
    name: "confirm",
    summary: "Consent to an installation that waits",
    access: "owner",
    args: [{ name: "code", summary: "The code that you were given", required: true }],
    examples: ["confirm K7QM2XPA"],
    run: ({ input, requester, signal }) => installation.confirm(String(input.code), requester, signal),
    report: installReport,
  };
}

function enable(ctx: Context, enabled: boolean): Operation {
  const name = enabled ? "enable" : "disable";
  return {
    name,
    summary: enabled ? "Enable an extension and lift its quarantine" : "Disable an extension and keep it installed",
    access: "owner",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    examples: [`${name} demo.dice`],
    async *run({ input, signal }) {
      const id = String(input.id);
      yield `${enabled ? "Enabling" : "Disabling"} ${safe(id, 120)} …`;
      const { generation } = await ctx.use("plinth.host-admin").one().enable({ id, enabled }, { signal });
      return { id, enabled, generation };
    },
    report: ({ id }: { id: string }) => ({ blocks: [{ text: `${code(id)} is ${name}d.` }] }),
  };
}

interface Uninstalled {
  id: string;
  status: "uninstalled" | "needs-confirmation";
  keepData: boolean;
  generation?: number;
  /** What came along with it, and nobody needs any more. */
  unneeded?: string[];
}

function uninstall(ctx: Context, { previous }: Installation): Operation {
  return {
    name: "uninstall",
    summary: "Remove an extension with its permissions and its data",
    access: "owner",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    options: {
      "keep-data": { type: "boolean", summary: "Keep what it stored" },
      yes: { type: "boolean", short: "y", summary: "Do not ask", only: "shell" },
    },
    examples: ["uninstall demo.dice", "uninstall demo.dice --keep-data --yes"],
    async *run({ input, requester, signal }): AsyncGenerator<string, Uninstalled> {
      const id = String(input.id);
      const keepData = input["keep-data"] === true;
      const { status } = await ctx.use("plinth.host").one().describe({ id }, { signal });
      if (status.bundled) {
        throw new PlinthError("PLINTH_BUNDLED", `${id} belongs to the product and cannot be uninstalled.`, {
          next: `Disable it instead: plugins disable ${id}`,
        });
      }
      if (requester.surface === "cli" && input.yes !== true) return { id, status: "needs-confirmation", keepData };
      yield `Removing ${safe(id, 120)} …`;
      const { generation } = await ctx.use("plinth.host-admin").one().uninstall({ id, keepData }, { signal });
      // Its earlier versions go, too: there is nothing to go back from.
      const world = await readWorld(ctx);
      await previous.prune(world.installed, false);
      return { id, status: "uninstalled", keepData, generation, unneeded: unneededIn(world) };
    },
    report({ id, status, keepData, unneeded = [] }: Uninstalled) {
      if (status === "uninstalled") {
        const left =
          unneeded.length === 0 ? [] : [{ text: `Nobody needs ${unneeded.map(code).join(", ")} any more: uninstall what you do not want.` }];
        return {
          blocks: [{ text: `${code(id)} is uninstalled. ${keepData ? "What it stored is kept." : "What it stored was removed with it."}` }, ...left],
        };
      }
      const argv = ["plugins", "uninstall", id, "--yes", ...(keepData ? ["--keep-data"] : [])];
      return {
        blocks: [
          {
            text: `This removes ${code(id)} and ${keepData ? "keeps" : "deletes"} what it stored. Yes: ${code(`plinth ${argv.join(" ")}`)}`,
          },
        ],
        confirm: { question: `Uninstall ${id}?`, argv },
      };
    },
  };
}
