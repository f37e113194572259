import { type Client, type Context, errorInfo } from "@plinth/sdk";
import type { Setup } from "../upkeep/setup.ts";
import { examine } from "./examine.ts";
import type { Finding } from "./finding.ts";
import { upkeepFindings } from "./upkeep.ts";

type Description = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;
type Status = Awaited<ReturnType<Client<"plinth.host">["status"]>>;

export interface Diagnosis {
  healthy: boolean;
  /** How many extensions were looked at, and how many of them do not belong to the product. */
  checked: number;
  installed: number;
  findings: Finding[];
}

/** Look at the host and each extension, or at one. Only data is read: no extension is started. */
export async function diagnose(ctx: Context, setup: Setup, id: string | undefined, signal: AbortSignal): Promise<Diagnosis> {
  const host = ctx.use("plinth.host").one();
  const status = await host.status({}, { signal });
  const upkeep = (await upkeepFindings(ctx, setup)).filter(({ extension }) => id === undefined || extension === id);
  const known = status.extensions.map((one) => one.id);
  // What the configuration names and is not here has nothing but its own finding.
  const ids = id === undefined ? known : upkeep.length > 0 && !known.includes(id) ? [] : [id];
  const findings: Finding[] = [];
  const partial = new Map<string, { detail: string[]; ids: string[] }>();
  let installed = 0;
  for (const one of ids) {
    const description = await host.describe({ id: one }, { signal });
    const { tier, bundled, state } = description.status;
    if (!bundled) installed++;
    const changed = bundled || state === "disabled" ? undefined : await changesIn(ctx, description, signal);
    findings.push(...examine(description, changed, ctx.clock.now()));
    if (bundled || tier === "host" || description.enforcement.level !== "partial") continue;
    const known = partial.get(tier) ?? { detail: description.enforcement.detail, ids: [] };
    known.ids.push(one);
    partial.set(tier, known);
  }
  findings.unshift(...hostFindings(status, id, findings));
  // The machine's, not each extension's: told once.
  for (const [tier, { detail, ids: held }] of partial) {
    findings.push({
      extension: held.length === 1 ? (held[0] as string) : "host",
      severity: "notice",
      code: "PLINTH_TIER",
      what: `the tier ${tier} holds ${held.length === 1 ? "it" : `${held.length} extensions`} only in part here`,
      why: detail.join("; "),
      next: `plinth plugins inspect ${held[0]}`,
    });
  }
  findings.push(...upkeep);
  findings.sort((a, b) => Number(a.severity === "notice") - Number(b.severity === "notice"));
  return { healthy: !findings.some(({ severity }) => severity === "problem"), checked: ids.length, installed, findings };
}

function hostFindings({ problems, safeMode, draining, generation }: Status, id: string | undefined, known: Finding[]): Finding[] {
  const found: Finding[] = [];
  for (const { code, message, extension = "host", next } of problems) {
    if (id !== undefined && extension !== id) continue;
    if (known.some((one) => one.extension === extension && one.code === code)) continue;
    found.push({ extension, severity: "problem", code, what: "has a problem", why: message, next: next ?? "plinth config validate" });
  }
  if (id !== undefined) return found;
  if (safeMode) {
    found.push({
      extension: "host",
      severity: "problem",
      code: "PLINTH_SAFE_MODE",
      what: "runs in safe mode",
      why: "Only what belongs to the product runs: it was asked for, or three starts in a row did not become ready.",
      next: "Disable or uninstall what you suspect, then start the gateway again.",
    });
  }
  if (draining.length > 0) {
    found.push({
      extension: "host",
      severity: "notice",
      code: "PLINTH_DRAINING",
      what: `still ends work of generation ${draining.join(", ")}`,
      why: `Generation ${generation} is current; what began before it goes on until it ends, at most as long as policy.drainMs says.`,
      next: "plinth top --once",
    });
  }
  return found;
}

/** How the files differ from what was installed; undefined where they do not. */
async function changesIn(ctx: Context, { dir, lock }: Description, signal: AbortSignal): Promise<string | undefined> {
  const expected = (lock as { digest?: string } | undefined)?.digest;
  if (dir === undefined || expected === undefined) return undefined;
  try {
    const { digest } = await ctx.use("plinth.host-admin").one().inspect({ dir }, { signal });
    return digest === expected ? undefined : "Its files in the store are not the ones that were consented to; its code is not run.";
  } catch (thrown) {
    return `Its files in the store cannot be checked: ${errorInfo(thrown).message}`;
  }
}
