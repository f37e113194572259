import { examineHome } from "@plinth/sdk/home";
import { plain } from "../table.ts";
import type { OwnCommand } from "./command.ts";

/**
 * `doctor`: whether other users can get at the home, then everything else that is wrong. The launcher has mended modes
 * before, where it was asked to: that is nothing for the running gateway to wait for.
 */
export const doctor: OwnCommand = async (run) => {
  const { home: folder } = await run.ctx.use("plinth.host").one().status({});
  const home = run.arg("id") === undefined ? examineHome(folder) : [];
  for (const { message, next, code } of home) await run.out(`${plain(message)} (${code})\n  - Next: ${plain(next)}\n\n`);
  const rest = run.ctx.use("plinth.cli-command").get("plugins.doctor");
  for await (const item of rest.run({ args: run.args, options: run.options, terminal: run.terminal }, { signal: run.signal })) {
    if ("result" in item) await run.result({ ...(item.result as object), home });
    else await run.emit(item);
  }
  if (home.some(({ severity }) => severity === "problem")) await run.emit({ exit: 1 });
};
