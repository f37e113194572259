import { type Call, type Capability, type Client, type Context, type Descriptor, errorInfo, type Finding, PlinthError } from "@plinth/sdk";
import { type Report, reportText } from "./report.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Check = Capability<Descriptor<"plinth.check">>;

interface Examined {
  check: Check;
  outcome: Report["checks"][number]["outcome"];
  findings: Finding[];
}

/** `plinth doctor`: every check that there is, the product's own first; then what is wrong, worst first. */
export async function* doctor(ctx: Context, { args, options, terminal }: Input, call: Call): AsyncIterable<TerminalItem> {
  if (call.work?.principal.role !== "owner") {
    throw new PlinthError("PLINTH_NOT_OWNER", "This command is for the owner of this host only.", {
      next: "Run it in a shell on the machine, or with the gateway's token.",
    });
  }
  const id = typeof args.id === "string" ? args.id : undefined;
  const online = options.online === true;
  const { signal } = call;
  if (!terminal.json) yield { err: terminal.color ? "\u001b[2mExamining …\u001b[22m\n" : "Examining …\n" };
  let examined = await examineAll(ctx, online, signal);
  const mendable = examined.filter(({ findings }) => findings.some((one) => one.mendable === true && (id === undefined || one.owner === id)));
  const mended: string[] = [];
  if (options.fix === true && options.yes === true && mendable.length > 0) {
    for (const { check } of mendable) mended.push(...(await mend(ctx, check, signal)));
    examined = await examineAll(ctx, online, signal);
  }
  const report = await reportOf(ctx, examined, mended, id);
  yield { out: reportText(report, terminal, id) };
  const asks = options.fix === true && options.yes !== true && mendable.length > 0;
  const unmended = options.fix === true && mendable.length === 0 && !report.healthy;
  if (unmended) yield { out: "\nNone of this can be mended without you deciding something.\n" };
  yield { result: report };
  if (asks) {
    const what = mendable.flatMap(({ findings }) => findings.filter((one) => one.mendable).map((one) => `${one.owner} (${one.code})`));
    const argv = ["doctor", ...(id === undefined ? [] : [id]), "--fix", "--yes", ...(online ? ["--online"] : [])];
    return yield { confirm: { question: `Mend ${[...new Set(what)].join(", ")}?`, argv } };
  }
  if (!report.healthy) yield { exit: 1 };
}

/** Third parties' after the product's: what they find is on nobody's conscience but theirs. */
async function examineAll(ctx: Context, online: boolean, signal: AbortSignal): Promise<Examined[]> {
  const all = await ctx.use("plinth.check").list();
  const own = all.filter(({ extension }) => isOurs(extension));
  const others = all.filter(({ extension }) => !isOurs(extension));
  const first = await Promise.all(own.map((check) => examine(ctx, check, online, signal)));
  return [...first, ...(await Promise.all(others.map((check) => examine(ctx, check, online, signal))))];
}

async function examine(ctx: Context, check: Check, online: boolean, signal: AbortSignal): Promise<Examined> {
  if (check.descriptor.online === true && !online) return { check, outcome: "needs --online", findings: [] };
  const { extension } = check;
  try {
    const { findings } = await ctx.use("plinth.check").get(check.id).examine({ online }, { signal });
    return { check, outcome: "examined", findings: findings.map((one) => (isOurs(extension) ? one : { ...one, owner: extension })) };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const { code, message, next = `plinth plugins inspect ${extension}` } = errorInfo(thrown);
    const what = `could not be asked about ${check.descriptor.title}`;
    return { check, outcome: "failed", findings: [{ code, severity: "problem", owner: extension, what, why: message, next }] };
  }
}

async function mend(ctx: Context, { id, extension, descriptor }: Check, signal: AbortSignal): Promise<string[]> {
  try {
    return (await ctx.use("plinth.check").get(id).mend({}, { signal })).done;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return [`Could not mend ${descriptor.title} of ${extension}: ${errorInfo(thrown).message}`];
  }
}

async function reportOf(ctx: Context, examined: readonly Examined[], mended: string[], id: string | undefined): Promise<Report> {
  const host = ctx.use("plinth.host").one();
  const { version, node, home, extensions } = await host.status({});
  const all = unique(examined.flatMap(({ findings }) => findings));
  const findings = id === undefined ? all : all.filter(({ owner }) => owner === id);
  // What is not here and has no finding either is a typing error.
  if (id !== undefined && findings.length === 0) await host.describe({ id });
  findings.sort((a, b) => Number(a.severity === "notice") - Number(b.severity === "notice"));
  return {
    healthy: !findings.some(({ severity }) => severity === "problem"),
    ...{ version, node, home, findings, mended },
    checks: examined.map(({ check, outcome }) => ({ id: check.id, extension: check.extension, title: check.descriptor.title, outcome })),
    extensions: { all: extensions.length, installed: extensions.filter(({ bundled }) => !bundled).length },
  };
}

/** The same reason, told by two checks, is one finding. */
function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ code, why }) => {
    const key = JSON.stringify([code, why]);
    return !seen.has(key) && seen.add(key);
  });
}

const isOurs = (id: string): boolean => id.startsWith("plinth.");
