import { type CatalogTool, type Client, nearNames, PlinthError, type ToolProblem, visible } from "@plinth/sdk";
import type { Catalog } from "./catalog.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input) => AsyncIterable<TerminalItem>;

/** `plinth tools …`, by capability id. */
export function shellCommands(catalog: Catalog): Record<string, Command> {
  return {
    async *"tools.list"() {
      const { tools, problems } = await catalog.list({ everything: true });
      const width = Math.max(4, ...tools.map(({ name }) => name.length));
      if (tools.length === 0) yield { out: "There are no tools.\n" };
      for (const tool of tools) yield { out: `${tool.name.padEnd(width)}  ${line(tool)}\n` };
      for (const problem of problems) yield { out: `${problemLine(problem)}\n` };
      yield { result: { tools, problems } };
    },

    async *"tools.show"({ args }) {
      const wanted = String(args.name);
      const { tools } = await catalog.list({ everything: true });
      const tool = tools.find(({ name }) => name === wanted);
      if (tool === undefined) throw none(wanted, tools);
      yield { out: `${facts(tool).join("\n")}\n` };
      yield { result: { tool } };
    },
  };
}

function line({ from, extension, descriptor: { title, description, deferred, hidden } }: CatalogTool): string {
  const said = visible(title ?? description.split("\n", 1)[0] ?? "", { max: 80 });
  const marks = [deferred ? "searched for" : "", hidden ? "hidden" : ""].filter((one) => one !== "");
  return `${said}  [${[visible(from ?? extension, { max: 128 }), ...marks].join(", ")}]`;
}

function facts({ name, extension, from, set, source, descriptor, digest }: CatalogTool): string[] {
  const { description, effects, approval, input, output, touches, ...flags } = descriptor;
  const said = (["readOnly", "destructive", "idempotent", "openWorld", "ownerOnly", "parallel", "deferred", "hidden"] as const).filter(
    (one) => flags[one],
  );
  const rows: [string, string | undefined][] = [
    ["Provided by", extension + (set === undefined ? "" : `, set ${set}${source === undefined ? "" : `, source ${source}`}`)],
    ["Whose words", from ?? "the product's"],
    ["Effects", effects.join(", ") || "none"],
    ["Approval", approval ?? "by-policy"],
    ["Touches", touches && [...(touches.paths ?? []), ...(touches.hosts ?? [])].join(", ")],
    ["It is", said.join(", ") || undefined],
    ["Arguments", JSON.stringify(input)],
    ["Output", output && JSON.stringify(output)],
    ["Digest", digest],
  ];
  const shown = rows.flatMap(([label, value]) => (value === undefined ? [] : [`  ${label.padEnd(13)}${visible(value)}`]));
  return [
    name,
    ...visible(description, { lines: true })
      .split("\n")
      .map((one) => `  ${one}`),
    ...shown,
  ];
}

const problemLine = ({ what, code, message }: ToolProblem): string =>
  `${visible(what, { max: 256 })}: ${visible(message, { max: 1_000 })} (${visible(code, { max: 64 })})`;

function none(name: string, tools: readonly CatalogTool[]): PlinthError {
  const near = nearNames(
    name,
    tools.map((one) => one.name),
  );
  const next = near.length > 0 ? `Is it ${near.join(" or ")}?` : "`plinth tools list` shows what there is.";
  return new PlinthError("PLINTH_TOOL_UNKNOWN", `There is no tool ${JSON.stringify(name.slice(0, 80))}.`, { next });
}
