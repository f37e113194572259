import { PlinthError } from "@plinth/sdk";
import { lineChanges } from "../line-changes.ts";
import { plainLines, renderTable } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";

export const configGet: OwnCommand = async (run) => {
  const path = run.arg("path");
  const { value, file } = await host(run).configGet(path === undefined ? {} : { path });
  if (path !== undefined && (value === undefined || value === null)) {
    throw new PlinthError("PLINTH_CONFIG_UNSET", `The configuration has no value at ${path}.`, {
      next: `Set it with: plinth config set ${path} VALUE`,
    });
  }
  await run.out(`${plainLines(typeof value === "string" ? value : JSON.stringify(value, null, 2))}\n`);
  await run.result({ path: path ?? "", value, file });
};

export const configSet: OwnCommand = async (run) => {
  const path = run.arg("path") as string;
  const value = parseValue(run.arg("value") as string);
  const { generation } = await admin(run).configSet({ path, value, ...forced(run) });
  await run.out(`${path} is now ${JSON.stringify(value)} (generation ${generation}).\n`);
  await run.result({ path, value, generation });
};

export const configUnset: OwnCommand = async (run) => {
  const path = run.arg("path") as string;
  const { generation } = await admin(run).configSet({ path, ...forced(run) });
  await run.out(`${path} is unset (generation ${generation}).\n`);
  await run.result({ path, generation });
};

export const configPath: OwnCommand = async (run) => {
  const { file } = await host(run).configGet({});
  await run.out(`${file}\n`);
  await run.result({ file });
};

/** What is wrong with the file as it is now: its form, its values, the names in it, what it would leave out. */
export const configValidate: OwnCommand = async (run) => {
  const { file, problems } = await admin(run).configCheck({});
  if (problems.length === 0) await run.out(`${file} is valid.\n`);
  for (const { code, message, extension, next } of problems) {
    await run.err(plainLines(`${code}: ${message}${extension ? ` (${extension})` : ""}\n${next ? `  next: ${next}\n` : ""}`));
  }
  await run.result({ file, valid: problems.length === 0, problems });
  if (problems.length > 0) await run.emit({ exit: 1 });
};

/** Go back to a configuration that was in force, or look at what there is to go back to. */
export const configUndo: OwnCommand = async (run) => {
  const { file, text, undo, kept } = await admin(run).configVersions({});
  if (run.options.list === true) {
    const inFile = kept.find((one) => one.text === text)?.number;
    const rows = kept.map(({ number, at, as }) => [
      String(number),
      new Date(at).toISOString(),
      as === undefined ? "" : `as number ${as}`,
      number === inFile ? "is in the file" : number === undo ? "would be brought back" : "",
    ]);
    await run.out(rows.length === 0 ? "None is kept yet.\n" : renderTable(["NUMBER", "KEPT AT", "", ""], rows, run.terminal));
    return await run.result({ file, undo, kept: kept.map(({ text: _text, ...one }) => ({ ...one, inFile: one.number === inFile })) });
  }
  const wanted = run.option("to") === undefined ? undo : wholeNumber(run, "to", undo ?? 1, 999_999);
  const chosen = kept.find(({ number }) => number === wanted);
  const changes = chosen === undefined ? [] : lineChanges(text, chosen.text);
  if (chosen?.text === text) {
    await run.out(`${file} is number ${chosen.number} as it is; nothing was changed.\n`);
    return await run.result({ file, number: chosen.number, changes });
  }
  if (run.options.preview === true && chosen !== undefined) {
    await run.out(`${file} would become number ${chosen.number}, of ${new Date(chosen.at).toISOString()}:\n${plainLines(changes.join("\n"))}\n`);
    return await run.result({ file, number: chosen.number, changes });
  }
  const { number, generation } = await admin(run).configUndo({ ...(wanted === undefined ? {} : { number: wanted }), ...forced(run) });
  await run.out(`${plainLines(changes.join("\n"))}\n${file} is number ${number} again (generation ${generation}).\n`);
  await run.result({ file, number, generation, changes });
};

/** JSON where the word is JSON, else the word itself: `true`, `42`, `{"a":1}` and `hello` all mean what they look like. */
function parseValue(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

const forced = (run: Run): { force?: true } => (run.options.force === true ? { force: true } : {});

function host(run: Run) {
  return run.ctx.use("plinth.host").one();
}

function admin(run: Run) {
  return run.ctx.use("plinth.host-admin").one();
}
