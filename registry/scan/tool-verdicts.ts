import type { Manifest } from "@plinth/manifests";
import { FAMILIES, verdictsOf } from "@plinth/manifests/dialects/verdict.ts";
import type { Finding } from "./finding.ts";

/** Tools of one package that are looked at. */
const MOST_TOOLS = 200;
const MAX_MESSAGE = 1_000;

/** The tools that a manifest names; those of tool sets are known when they run. */
export const toolsIn = ({ provides = [] }: Manifest): { name: string; input: Record<string, unknown> }[] =>
  provides.flatMap(({ contract, id, descriptor }) => {
    const input = (descriptor as { input?: unknown } | undefined)?.input;
    return contract === "plinth.tool" && id !== undefined && typeof input === "object" && input !== null ? [{ name: id, input: { ...input } }] : [];
  });

/** What vendors of models make of a package's tools: nothing is said of one that each of them takes as it is. */
export function toolFindings(manifest: Manifest): Finding[] {
  const tools = toolsIn(manifest);
  const findings = tools.slice(0, MOST_TOOLS).flatMap((tool) => {
    const changed = verdictsOf(tool).filter(({ verdict }) => verdict !== "as-is");
    const alike = Map.groupBy(changed, ({ verdict, notes }) => JSON.stringify([verdict, notes]));
    return [...alike.values()].map((group): Finding => {
      const { verdict, notes } = group[0]!;
      const everywhere = group.length === Object.keys(FAMILIES).length;
      const who = everywhere ? "every vendor" : group.map(({ dialect }) => FAMILIES[dialect as keyof typeof FAMILIES]).join("; ");
      const what = verdict === "refused" ? `is refused by ${who}` : `is rewritten for ${who}`;
      return {
        capability: "tools",
        level: verdict === "refused" ? "warning" : "information",
        message: `The tool ${tool.name} ${what}: ${notes.join(" ")}`.slice(0, MAX_MESSAGE),
        file: "plinth.json",
      };
    });
  });
  const left = tools.length - MOST_TOOLS;
  return left > 0 ? [...findings, { capability: "tools", level: "information", message: `${left} more tools were not looked at.` }] : findings;
}
