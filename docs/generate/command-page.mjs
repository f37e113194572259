/** Every command of the product, from the same descriptors that `plinth --help` reads. */
import { code, fence, generatedFrom, page, prose, table } from "./markdown.mjs";

export function commandPage({ commands, usageLine }) {
  const shown = commands.filter((one) => !one.hidden).sort((a, b) => (a.path.join(" ") < b.path.join(" ") ? -1 : 1));
  return page(
    generatedFrom("the plinth.cli-command descriptors in extensions/*/*/plinth.json"),
    "# Commands",
    "Installed extensions can add commands; `plinth --help` lists those that are there. Commands marked *local* always run in the caller's own process; " +
      "the others run in the home's gateway when one is running, and otherwise in a host that is started for them.",
    table(
      ["everywhere", ""],
      [
        [code("--json"), 'Exactly one line of JSON on standard output: the result, or `{"error": {code, message, extension, next}}`.'],
        [code("--help, -h"), "Help for a command, from data; no extension's code is loaded. `plinth help COMMAND` is the same."],
        [code("--version, -V"), "The version."],
        [code("--safe-mode"), "Run here, with first-party extensions only."],
      ],
    ),
    "Exit status: 0 done; 1 failed, with a coded error and its next step on standard error; 2 wrong usage.",
    ...shown.map((command) => section(command, usageLine)),
  );
}

function section(command, usageLine) {
  const { path, summary, args = [], options = {}, examples = [], where, extension } = command;
  const dot = /[.…!?]$/.test(summary) ? "" : ".";
  return page(
    `## ${code(path.join(" "))}`,
    `${prose(summary)}${dot} ${where === "local" ? "*Local.* " : ""}Provided by ${code(extension)}.`,
    fence("sh", usageLine(command)),
    args.length > 0
      ? table(
          ["argument", "required", "meaning"],
          args.map((one) => [code(one.name.toUpperCase() + (one.variadic ? "…" : "")), one.required ? "yes" : "", prose(one.summary)]),
        )
      : "",
    Object.keys(options).length > 0 ? table(["option", "required", "meaning"], Object.entries(options).map(optionRow)) : "",
    examples.length > 0 ? fence("sh", examples.join("\n")) : "",
  ).trimEnd();
}

function optionRow([name, { type, short, value, required, summary }]) {
  const long = `--${name}${type === "string" ? ` ${value ?? "VALUE"}` : ""}`;
  return [code(short ? `-${short}, ${long}` : long), required ? "yes" : "", prose(summary)];
}
