import type { ErrorInfo, Manifest } from "@plinth/sdk";
import { addCommand, knownContracts, unknownContracts } from "../contracts/known-contracts.ts";

const REPORT = "Report it to the author of the extension.";
const BY_CODE: Readonly<Record<string, string>> = {
  PLINTH_UNDECLARED: "Declare it in plinth.json and run `plinth types`, or correct its name in the code.",
  PLINTH_NOT_PROVIDED: "Call `ctx.provide` with that contract and id in `activate`, or take it out of `provides` in plinth.json.",
  PLINTH_EXTENSION_FAILED: "Correct the code; `npm test` shows where it is thrown.",
  PLINTH_DEADLINE: "Answer sooner, pass the call's `signal` on to what you wait for, or report progress where the contract has a stream.",
};

/** A failure of the extension that is being written, for whoever writes it: they need not report it to themselves. */
export async function advised(project: string, error: ErrorInfo): Promise<ErrorInfo> {
  if (error.code === "PLINTH_CONTRACT_UNKNOWN") {
    const unknown = await firstUnknown(project);
    return unknown === undefined ? error : { ...error, next: `Leave, run \`${addCommand(unknown)}\`, and start again.` };
  }
  if (error.next !== undefined && error.next !== REPORT) return error;
  const next = BY_CODE[error.code] ?? (error.code === "PLINTH_PAYLOAD" ? payloadAdvice(error.message) : undefined);
  const { next: _, ...rest } = error;
  return next === undefined ? rest : { ...rest, next };
}

function payloadAdvice(message: string): string {
  if (message.includes("does not export defineExtension")) return "Begin it with `export default defineExtension({ activate(ctx) { … } })`.";
  return "Correct the code: `npm run check:types` shows where it differs from the contract.";
}

async function firstUnknown(project: string): Promise<string | undefined> {
  const { readManifest } = await import("@plinth/registry");
  const manifest: Manifest = await readManifest(project);
  return unknownContracts(manifest, await knownContracts(project, manifest))[0];
}
