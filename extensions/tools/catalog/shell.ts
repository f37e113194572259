import { type CatalogTool, type Client, type Context, type ToolProblem, visible } from "@plinth/sdk";
import type { Catalog } from "./catalog.ts";
import { type Explained, explained, noTool } from "./explain.ts";
import { listLine, whyLines } from "./shown.ts";
import { askedOf } from "./surfaces.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;
type Command = (input: Input) => AsyncIterable<TerminalItem>;

/** `plinth tools …`, by capability id. */
export function shellCommands(catalog: Catalog, ctx: Context): Record<"tools.list" | "tools.show" | "tools.why", Command> {
  return {
    async *"tools.list"({ options }) {
      const { tools, problems } = await catalog.list({ everything: true });
      const asked = askedOf(options);
      const there = Object.keys(asked).length === 0 && !options.offered ? undefined : await explained(catalog, ctx, asked);
      const states = new Map(there?.tools.map((one) => [one.tool.name, one]));
      const shown = options.offered ? tools.filter(({ name }) => states.get(name)?.offered) : tools;
      const width = Math.max(4, ...shown.map(({ name }) => name.length));
      if (shown.length === 0) yield { out: "There are no tools.\n" };
      for (const tool of shown) yield { out: `${listLine(tool, width, states.get(tool.name))}\n` };
      for (const problem of problems) yield { out: `${problemLine(problem)}\n` };
      const rows = shown.map((tool) => ({ ...tool, ...without(states.get(tool.name)) }));
      yield { result: { ...(there === undefined ? {} : { place: there.place }), tools: rows, problems } };
    },

    async *"tools.why"({ args, options }) {
      const names = [args.name ?? []].flat();
      const { place, tools } = await explained(catalog, ctx, askedOf(options), names);
      for (const one of tools) yield { out: `${whyLines(one, place).join("\n")}\n` };
      yield { result: { place, tools: tools.map(({ tool, ...state }) => ({ name: tool.name, extension: tool.extension, ...state })) } };
    },

    async *"tools.show"({ args }) {
      const wanted = String(args.name);
      const { tools } = await catalog.list({ everything: true });
      const tool = tools.find(({ name }) => name === wanted);
      if (tool === undefined) throw noTool(wanted, tools);
      yield { out: `${facts(tool).join("\n")}\n` };
      yield { result: { tool } };
    },
  };
}

/** What became of a tool, beside what it says of itself. */
function without(state: Explained | undefined) {
  if (state === undefined) return {};
  const { tool: _, ...said } = state;
  return said;
}

function facts({ name, extension, from, set, source, descriptor, digest }: CatalogTool): string[] {
  const { description, kinds, effects, approval, input, output, touches, ...flags } = descriptor;
  const said = (["readOnly", "destructive", "idempotent", "openWorld", "ownerOnly", "parallel", "deferred", "hidden", "optional"] as const).filter(
    (one) => flags[one],
  );
  const rows: [string, string | undefined][] = [
    ["Provided by", extension + (set === undefined ? "" : `, set ${set}${source === undefined ? "" : `, source ${source}`}`)],
    ["Whose words", from ?? "the product's"],
    ["Kinds", kinds?.join(", ")],
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
