import type { Context } from "@plinth/sdk";
import { type Diagnosis, diagnose } from "./doctor/diagnosis.ts";
import type { Finding } from "./doctor/finding.ts";
import type { Operation, Requester } from "./operation.ts";
import { type Block, code, type Report, safe } from "./report.ts";
import type { Setup } from "./upkeep/setup.ts";

interface Examined extends Diagnosis {
  id?: string;
  status: "examined" | "needs-confirmation" | "fixed";
  fixed: string[];
}

/** What is wrong, why, and the one thing to do next. */
export function doctor(ctx: Context, setup: Setup): Operation {
  return {
    name: "doctor",
    summary: "Find what is wrong with the host or an extension, and say what to do",
    access: "owner",
    args: [{ name: "id", summary: "Only this extension, such as demo.dice" }],
    options: {
      fix: { type: "boolean", summary: "Do what is safe: try again what is in quarantine", only: "shell" },
      yes: { type: "boolean", short: "y", summary: "Do not ask before --fix does it", only: "shell" },
    },
    examples: ["doctor", "doctor demo.dice", "doctor --fix"],
    async *run({ input, signal }): AsyncGenerator<string, Examined> {
      const id = typeof input.id === "string" ? input.id : undefined;
      const named = id === undefined ? {} : { id };
      yield "Examining …";
      const first = await diagnose(ctx, setup, id, signal);
      const toEnable = [...new Set(first.findings.flatMap((one) => (one.fix === "enable" ? [one.extension] : [])))];
      if (input.fix !== true || toEnable.length === 0) return { ...named, ...first, status: "examined", fixed: [] };
      if (input.yes !== true) return { ...named, ...first, status: "needs-confirmation", fixed: toEnable };
      for (const one of toEnable) {
        yield `Lifting the quarantine of ${safe(one, 120)} …`;
        await ctx.use("plinth.host-admin").one().enable({ id: one, enabled: true }, { signal });
      }
      return { ...named, ...(await diagnose(ctx, setup, id, signal)), status: "fixed", fixed: toEnable };
    },
    report: (result: Examined, { input, requester }) => reportOf(result, input.fix === true, requester.surface),
  };
}

function reportOf(result: Examined, fix: boolean, surface: Requester["surface"]): Report {
  const { findings, healthy, fixed, status } = result;
  const problems = findings.filter(({ severity }) => severity === "problem");
  const notices = findings.filter(({ severity }) => severity === "notice");
  const blocks: Block[] = [];
  if (status === "fixed") blocks.push({ text: `Lifted the quarantine of ${fixed.map(code).join(", ")}: the next call tries again.` });
  blocks.push({ text: headline(result, problems.length) });
  for (const finding of problems) blocks.push(...findingBlocks(finding, surface));
  if (notices.length > 0) blocks.push({ text: "Worth knowing:" });
  for (const finding of notices) blocks.push(...findingBlocks(finding, surface));
  if (fix && status === "examined" && !healthy) blocks.push({ text: "None of this can be mended without you deciding something." });
  const suggest = surface === "chat" ? buttons(problems) : [];
  if (status === "needs-confirmation") {
    const argv = ["plugins", "doctor", ...(result.id === undefined ? [] : [result.id]), "--fix", "--yes"];
    blocks.push({ text: `--fix lifts the quarantine of ${fixed.map(code).join(", ")}. Yes: ${code(`plinth ${argv.join(" ")}`)}` });
    return { blocks, confirm: { question: `Lift the quarantine of ${fixed.join(", ")}?`, argv } };
  }
  return { blocks, ...(suggest.length > 0 ? { suggest } : {}), ...(healthy ? {} : { exit: 1 }) };
}

function headline({ id, checked, installed }: Examined, problems: number): string {
  if (problems > 0) return `${problems} ${problems === 1 ? "thing is" : "things are"} wrong.`;
  if (id !== undefined) return `Nothing is wrong with ${code(id)}.`;
  return `Nothing is wrong: ${checked} extensions, ${installed} of them installed by you.`;
}

function findingBlocks({ extension, what, why, next, code: word }: Finding, surface: Requester["surface"]): Block[] {
  const items = [why, `Next: ${surface === "chat" ? inChat(next) : next}`];
  return [{ title: `${safe(extension, 120)}: ${safe(what)} (${safe(word, 60)})` }, { items }];
}

/** Commands as they are typed in a conversation. */
function inChat(text: string): string {
  return text.replaceAll("plinth plugins ", "/plugins ").replace(/plinth grants (?!export|import)/g, "/plugins grants ");
}

function buttons(problems: Finding[]): { label: string; text: string }[] {
  return problems
    .filter(({ fix }) => fix === "enable")
    .slice(0, 5)
    .map(({ extension }) => ({ label: `Try ${extension} again`, text: `/plugins enable ${extension}` }));
}
