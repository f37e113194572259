// Prints the rows of docs/benchmarks.md. `npm run bench` runs all; `npm run bench -- turns cli` some; --json as data, --markdown as a table.
import { cpus } from "node:os";
import { cleanUp } from "./lab.mjs";

const groups = [
  "start",
  "turns",
  "tools",
  "parsing",
  "rpc",
  "cli",
  "install",
  "hooks",
  "calls",
  "activations",
  "tenants",
  "reloads",
  "registry",
  "market",
  "sessions",
  "house",
  "hostile",
];
const words = process.argv.slice(2);
const json = words.includes("--json");
const markdown = words.includes("--markdown");
const wanted = words.filter((one) => !one.startsWith("--"));
const unknown = wanted.filter((one) => !groups.includes(one));
if (unknown.length > 0) {
  console.error(`unknown rows: ${unknown.join(", ")}; there are ${groups.join(", ")}`);
  process.exit(2);
}

const rows = [];
console.error(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}`);
try {
  for (const group of groups.filter((one) => wanted.length === 0 || wanted.includes(one))) {
    const { measure } = await import(`./rows/${group}.mjs`);
    await measure(({ what, value, unit, budget, better = "lower" }) => {
      const held = budget === undefined ? "" : (better === "lower" ? value <= budget : value >= budget) ? "held" : "MISSED";
      rows.push({ group, what, value: Number(value.toPrecision(4)), unit, budget, held });
      if (!json && !markdown)
        console.log(`${what.padEnd(62)} ${shown(value)} ${unit.padEnd(8)} ${budget === undefined ? "" : `budget ${budget}`.padEnd(16)} ${held}`);
    });
    await cleanUp();
  }
} finally {
  await cleanUp();
}
if (json) console.log(JSON.stringify(rows, null, 2));
if (markdown) {
  console.log("| what | budget | measured | command |\n| ---- | ------ | -------- | ------- |");
  for (const { group, what, value, unit, budget } of rows) {
    console.log(
      `| ${what} | ${budget === undefined ? "" : `${budget.toLocaleString("en")} ${unit}`} | ${value.toLocaleString("en")} ${unit} | \`npm run bench -- ${group}\` |`,
    );
  }
}
process.exitCode = rows.some((one) => one.held === "MISSED") ? 1 : 0;

function shown(value) {
  return (value >= 1000 ? Math.round(value).toLocaleString("en") : value.toPrecision(3)).padStart(9);
}
