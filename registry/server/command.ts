import { parseArgs } from "node:util";
import { errorData, PlinthError } from "@plinth/manifests/wire/error.ts";
import { type Output, print } from "./command-output.ts";
import { type Command, OPTIONS, type Values } from "./command-shape.ts";
import { COMMANDS, helpOf } from "./commands.ts";

/** Run `plinth-registry`. Resolves to the status: 0 done, 1 failed, 2 wrong usage. */
export async function main(argv: readonly string[], out: Output = print): Promise<number> {
  const json = argv.includes("--json");
  let command: Command | undefined;
  try {
    const { values, positionals } = parse(argv);
    const words = positionals.slice(0, 2);
    command = COMMANDS.find(({ name }) => name === words.join(" ")) ?? COMMANDS.find(({ name }) => name === words[0]);
    if (values.help === true || positionals.length === 0) {
      out.line(helpOf(command, out.bold));
      return 0;
    }
    if (command === undefined) throw usage(`There is no command ${positionals.slice(0, 2).join(" ")}.`);
    const rest = positionals.slice(command.name.split(" ").length);
    if (rest.length !== command.words.length) throw usage(`${command.name} takes ${command.words.join(" ") || "no further words"}.`);
    const result = await command.run(values, rest, out);
    if (json && result.data !== undefined) out.line(JSON.stringify(result.data));
    else if (!json && result.text !== undefined) out.line(result.text);
    await result.until;
    return 0;
  } catch (error) {
    const { code, message, next } = errorData(error);
    if (json) out.line(JSON.stringify({ error: { code, message, ...(next === undefined ? {} : { next }) } }));
    out.error(`error ${code}: ${message}${next === undefined ? "" : `\nnext: ${next}`}`);
    return code === "PLINTH_USAGE" ? 2 : 1;
  }
}

function parse(argv: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true }) as { values: Values; positionals: string[] };
  } catch (error) {
    throw usage(`${(error as Error).message.split(". ")[0]!.replace(/\.$/, "")}.`);
  }
}

function usage(message: string): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: "Run `plinth-registry --help`." });
}
