import { Worker } from "node:worker_threads";
import { PlinthError } from "@plinth/sdk";

export interface LineMatch {
  /** Counted from 1. */
  line: number;
  /** The line, at most 300 characters of it. */
  text: string;
}

export interface Matcher {
  /** The first `max` matching lines. */
  lines(text: string, max: number, signal: AbortSignal): Promise<LineMatch[]>;
  close(): Promise<unknown>;
}

const MAX_LINE = 300;
const REGEX_MS = 1_000;

export function createMatcher(query: string, regex: boolean, ignoreCase: boolean): Matcher {
  return regex ? regexMatcher(query, ignoreCase) : literalMatcher(query, ignoreCase);
}

function literalMatcher(query: string, ignoreCase: boolean): Matcher {
  const wanted = ignoreCase ? query.toLowerCase() : query;
  if (/[\r\n]/.test(query)) throw new PlinthError("PLINTH_TOOL_INPUT", "The query has more than one line.", { next: "Search for one line of it." });
  return {
    close: async () => {},
    async lines(text, max) {
      const folded = ignoreCase ? text.toLowerCase() : text;
      if (!folded.includes(wanted)) return [];
      const found: LineMatch[] = [];
      for (const [index, line] of text.split("\n").entries()) {
        if (!(ignoreCase ? line.toLowerCase() : line).includes(wanted)) continue;
        if (found.push({ line: index + 1, text: line.slice(0, MAX_LINE) }) >= max) break;
      }
      return found;
    },
  };
}

/** Runs in a worker, given as text because an extension is one bundled module. */
const WORKER = `
const { parentPort, workerData } = require("node:worker_threads");
const expression = new RegExp(workerData.source, workerData.ignoreCase ? "i" : "");
parentPort.on("message", ({ text, max }) => {
  const found = [];
  const lines = text.split("\\n");
  for (let at = 0; at < lines.length && found.length < max; at++) {
    if (expression.test(lines[at])) found.push({ line: at + 1, text: lines[at].slice(0, ${MAX_LINE}) });
  }
  parentPort.postMessage(found);
});
`;

/** An expression from outside may take forever on one line: it runs beside the event loop and is ended when it is slow. */
function regexMatcher(source: string, ignoreCase: boolean): Matcher {
  try {
    new RegExp(source);
  } catch (cause) {
    throw new PlinthError("PLINTH_TOOL_INPUT", `The query is not a regular expression: ${(cause as Error).message}.`, {
      next: "Correct it, or leave regex out to search for plain text.",
    });
  }
  const worker = new Worker(WORKER, {
    eval: true,
    workerData: { source, ignoreCase },
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 },
  });
  worker.unref();
  const failed = (): PlinthError =>
    new PlinthError("PLINTH_SEARCH_SLOW", "The regular expression takes too long.", {
      next: "Use a simpler one without nested repetition, or plain text.",
    });
  return {
    close: () => worker.terminate(),
    lines: (text, max, signal) =>
      new Promise((resolve, reject) => {
        const settle = (finish: () => void) => () => {
          clearTimeout(timer);
          worker.removeAllListeners();
          signal.removeEventListener("abort", aborted);
          finish();
        };
        const slow = settle(() => reject(failed()));
        const aborted = settle(() => reject(signal.reason));
        const timer = setTimeout(slow, REGEX_MS);
        signal.addEventListener("abort", aborted, { once: true });
        worker.once("message", (found: LineMatch[]) => settle(() => resolve(found))());
        worker.once("error", slow);
        worker.postMessage({ text, max });
      }),
  };
}
