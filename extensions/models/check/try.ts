import { relative } from "node:path";
import { type Client, type Context, PlinthError, visible } from "@plinth/sdk";
import { MadeFiles } from "./made-files.ts";
import { ASKS, type Wanted } from "./try-asked.ts";

type Run = Client<"plinth.cli-command">["run"];
type Input = Parameters<Run>[0];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

const COST_DIGITS = 9;

/** `plinth models try PURPOSE TEXT`: one request of that kind, by the road that everything else takes, and what came of it. */
export async function* tryOut(ctx: Context, { args, options, terminal }: Input, signal: AbortSignal): AsyncGenerator<TerminalItem> {
  const word = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
  const purpose = word(args.purpose)?.replace(/^plinth\./, "") ?? "";
  const ask = Object.hasOwn(ASKS, purpose) ? ASKS[purpose] : undefined;
  if (ask === undefined)
    throw new PlinthError("PLINTH_USAGE", `There are no models for ${JSON.stringify(purpose)}.`, {
      next: `Try one of ${Object.keys(ASKS).join(", ")}; plinth agent asks one that talks.`,
    });
  const words = [args.text ?? []].flat();
  if (words.join("").trim() === "")
    throw new PlinthError("PLINTH_USAGE", "There is nothing to ask.", { next: "plinth models try --help shows examples." });
  const model = word(options.model);
  const wanted: Wanted = { words, model: model === undefined ? {} : { model }, voice: word(options.voice), cwd: terminal.cwd };
  const files = new MadeFiles(terminal.cwd, purpose, word(options.out));
  const doing = (text: string): TerminalItem[] => (terminal.tty && !terminal.json ? [{ err: `\r\u001b[K${text === "" ? "" : `${text} …`}` }] : []);
  const began = ctx.clock.now();
  let [text, facts, used]: [string, Record<string, unknown>, object | undefined] = ["", {}, undefined];
  await files.reserve();
  try {
    yield* doing("asking");
    for await (const step of ask(ctx, wanted, files, signal)) {
      if ("doing" in step) yield* doing(visible(step.doing, { max: 70 }));
      else if ("warning" in step) yield { err: `note: ${visible(step.warning, { max: 400 })}\n` };
      else if ("usage" in step) used = step.usage;
      else ({ text, facts } = step);
    }
    if (files.waits) await files.save("text/plain", [Buffer.from(`${text}\n`).toString("base64")]);
  } finally {
    await files.close();
  }
  const ms = Math.round(ctx.clock.now() - began);
  yield* doing("");
  if (terminal.json)
    return yield { result: { purpose, model: model ?? null, ms, ...facts, files: files.saved, ...(used === undefined ? {} : { usage: used }) } };
  const lines = [...(text === "" ? [] : [visible(text, { max: 100_000, lines: true })]), ...files.saved.map((one) => savedLine(one, terminal.cwd))];
  yield { out: `${lines.join("\n")}\n${tookLine(ms, facts, used)}\n` };
}

function savedLine({ path, mimeType, bytes }: MadeFiles["saved"][number], cwd: string): string {
  const near = relative(cwd, path);
  const size = bytes < 1_024 ? `${bytes} bytes` : `${Math.round(bytes / 1_024)} KiB`;
  return `Saved ${visible(near.startsWith("..") ? path : near, { max: 500 })}: ${visible(mimeType, { max: 100 })}, ${size}`;
}

/** What is known of it: `In 1.2 s, by openai/tts-1, 3.4 s long, 12 characters, $0.01.` */
function tookLine(ms: number, facts: Record<string, unknown>, used: object | undefined): string {
  const seconds = typeof facts.seconds === "number" ? [`${facts.seconds.toFixed(1)} s long`] : [];
  const raw = typeof facts.sampleRate === "number" ? [`${facts.sampleRate} Hz`] : [];
  const by = typeof facts.answered === "string" ? [`by ${visible(facts.answered, { max: 300 })}`] : [];
  const took = Object.entries(used ?? {}).flatMap(([name, value]) => (typeof value === "number" ? [tookWords(name, value)] : []));
  return `${[`In ${(ms / 1_000).toFixed(1)} s`, ...by, ...seconds, ...raw, ...took].join(", ")}.`;
}

const WORDS: Readonly<Record<string, string>> = {
  inputTokens: "tokens read",
  outputTokens: "tokens written",
  computeSeconds: "s of a machine",
  seconds: "s billed",
};

function tookWords(name: string, value: number): string {
  if (name === "cost") return `$${value.toFixed(COST_DIGITS).replace(/0+$/, "").replace(/\.$/, "")}`;
  const words = WORDS[name] ?? name;
  return `${value} ${value === 1 ? words.replace(/^(\w+)s\b/, "$1") : words}`;
}
