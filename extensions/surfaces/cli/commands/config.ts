import { PlinthError } from "@plinth/sdk";
import { plainLines } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

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
  const { generation } = await run.ctx.use("plinth.host-admin").one().configSet({ path, value });
  await run.out(`${path} is now ${JSON.stringify(value)} (generation ${generation}).\n`);
  await run.result({ path, value, generation });
};

export const configUnset: OwnCommand = async (run) => {
  const path = run.arg("path") as string;
  const { generation } = await run.ctx.use("plinth.host-admin").one().configSet({ path });
  await run.out(`${path} is unset (generation ${generation}).\n`);
  await run.result({ path, generation });
};

export const configPath: OwnCommand = async (run) => {
  const { file } = await host(run).configGet({});
  await run.out(`${file}\n`);
  await run.result({ file });
};

/** What the host found wrong with the file when it last read it, and extensions that refused their part of it. */
export const configValidate: OwnCommand = async (run) => {
  const [{ file }, { problems, extensions }] = await Promise.all([host(run).configGet({}), host(run).status({})]);
  const found = [
    ...problems.filter(({ code }) => code.startsWith("PLINTH_CONFIG")),
    ...extensions.flatMap(({ id, fault }) =>
      fault && (fault.phase === "config" || fault.code.startsWith("PLINTH_CONFIG")) ? [{ extension: id, ...fault }] : [],
    ),
  ].map(({ code, message, extension, next }) => ({ code, message, extension, next }));
  if (found.length === 0) await run.out(`${file} is valid.\n`);
  for (const { code, message, extension, next } of found) {
    await run.err(plainLines(`${code}: ${message}${extension ? ` (${extension})` : ""}\n${next ? `  next: ${next}\n` : ""}`));
  }
  await run.result({ file, valid: found.length === 0, problems: found });
  if (found.length > 0) await run.emit({ exit: 1 });
};

/** JSON where the word is JSON, else the word itself: `true`, `42`, `{"a":1}` and `hello` all mean what they look like. */
function parseValue(word: string): unknown {
  try {
    return JSON.parse(word);
  } catch {
    return word;
  }
}

function host(run: Run) {
  return run.ctx.use("plinth.host").one();
}
