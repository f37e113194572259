import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand } from "./command.ts";

/** `explain`: why something is what it is in the current plan. */
export const explain: OwnCommand = async (run) => {
  const id = run.arg("id") as string;
  const { reasons } = await run.ctx.use("plinth.host").one().explain({ id });
  await run.out(`${run.paint.bold(plain(id))}\n${reasons.map((reason) => `  ${plain(reason)}\n`).join("")}`);
  await run.result({ id, reasons });
};

/** `hooks`: who is asked at each point of a flow, in order. */
export const hooks: OwnCommand = async (run) => {
  const answer = await run.ctx.use("plinth.host").one().hooks({});
  const rows = answer.hooks.flatMap(({ hook, mode, failure, subscribers }): (string | Cell)[][] =>
    subscribers.length === 0
      ? [[hook, mode, failure, { text: "nobody", style: "dim" }, "", "", ""]]
      : subscribers.map(({ extension, stage, calls, errors }, at) => [
          ...(at === 0 ? [hook, mode, failure] : ["", "", ""]),
          `${at + 1}. ${extension}`,
          stage,
          String(calls),
          errors > 0 ? { text: String(errors), style: "red" } : "0",
        ]),
  );
  await run.out(renderTable(["HOOK", "MODE", "FAILURE", "SUBSCRIBER", "STAGE", "CALLS", "ERRORS"], rows, run.terminal));
  await run.result(answer);
};

/** `boot --report`: the time tree of the boot. */
export const boot: OwnCommand = async (run) => {
  const report = await run.ctx.use("plinth.host").one().report({});
  const rows = report.steps.map(({ name, startMs, durationMs, depth }) => [
    `${"  ".repeat(Math.min(depth, 8))}${name}`,
    startMs.toFixed(1),
    durationMs.toFixed(1),
  ]);
  await run.out(renderTable(["STEP", "AT MS", "TOOK MS"], rows, run.terminal));
  await run.out(`\ncode loaded: ${plain(report.modules.join(", ")) || "none"}\n`);
  await run.result(report);
};
