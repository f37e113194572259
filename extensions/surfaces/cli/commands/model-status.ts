import { type Credential, errorInfo, type ModelSource, PlinthError } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";
import { stateCell, whyNot } from "./model-auth.ts";
import { PURPOSES } from "./models-for.ts";

/** So many are asked at the same time. */
const AT_ONCE = 3;
/** Some servers want no fewer. */
const TOKENS = 16;

interface Row {
  id: string;
  title: string;
  /** What it is asked for where its models do not talk: it is not probed, as no answer of it costs nothing. */
  for?: string;
  ready: boolean;
  configured: boolean;
  reason?: string;
  credentials: Credential[];
}

interface Probe {
  provider: string;
  credential?: string;
  result: string;
  code?: string;
  message?: string;
  ms: number;
}

/** What is set up, by the same judgement by which it is chosen; with --probe, whether it answers. Status 1 where something does not. */
export const modelsStatus: OwnCommand = async (run) => {
  const wanted = run.arg("vendor");
  const timeoutMs = wholeNumber(run, "timeout", 20, 600) * 1_000;
  const chosen = (await everybody(run)).filter(({ id }) => wanted === undefined || id === wanted);
  if (chosen.length === 0)
    throw new PlinthError("PLINTH_CAPABILITY_MISSING", `There is no model provider "${wanted}".`, { next: "plinth models --all" });
  const rows = (await Promise.all(chosen.map((source) => rowOf(run, source)))).filter((row) => wanted !== undefined || row.ready || row.configured);
  const probes = run.options.probe === true ? await probed(run, rows, timeoutMs) : undefined;
  const head = ["VENDOR", "ASKED WITH", "STATE", ...(probes === undefined ? [] : ["ANSWER"]), "DETAIL"];
  const table = renderTable(head, linesOf(rows, probes), run.terminal);
  await run.out(table);
  // What a narrow terminal cut of a failure is the part that one needs.
  for (const { provider, credential = provider, message } of probes ?? [])
    if (message !== undefined && !table.includes(plain(message))) await run.out(`\n${plain(credential)}: ${plain(message)}\n`);
  await run.result({ providers: rows, ...(probes === undefined ? {} : { probes }) });
  if (rows.some(({ ready, configured }) => configured && !ready) || probes?.some(({ result }) => result !== "ok")) await run.emit({ exit: 1 });
};

/** Those that talk, and those who have models for other purposes alone. */
async function everybody(run: Run): Promise<(ModelSource & { for?: string })[]> {
  const models = run.ctx.use("plinth.models").one();
  const { sources } = await models.sources({});
  const found = new Map<string, ModelSource & { for?: string }>(sources.map((source) => [source.id, source]));
  for (const purpose of PURPOSES)
    for (const source of (await models.sources({ for: purpose })).sources)
      if (!found.has(source.id)) found.set(source.id, { ...source, for: purpose });
  return [...found.values()];
}

async function rowOf(run: Run, { id, title, standIn, ...source }: ModelSource & { for?: string }): Promise<Row> {
  const only = source.for === undefined ? {} : { for: source.for };
  const known = run.ctx.use("plinth.models").one();
  const slot = run.ctx.use("plinth.credentials");
  const credentials = (await slot.list()).length === 0 ? [] : (await slot.one().list({ vendor: id })).credentials;
  const set = credentials.filter(({ reason, given }) => reason !== "missing" || given !== true);
  try {
    const { ready, configured, reason } = await known.status({ provider: id, ...only }, { signal: run.signal });
    return { id, title, ...only, ready, configured: configured && standIn !== true, ...(reason === undefined ? {} : { reason }), credentials: set };
  } catch (thrown) {
    return { id, title, ...only, ready: false, configured: true, reason: errorInfo(thrown).message, credentials: set };
  }
}

function linesOf(rows: readonly Row[], probes: readonly Probe[] | undefined): (string | Cell)[][] {
  return rows.flatMap(({ id, ready, configured, reason = "", credentials }) => {
    const answer = (credential?: string): Cell[] => {
      const probe = probes?.find((one) => one.provider === id && one.credential === credential);
      if (probes === undefined) return [];
      return [probe === undefined ? { text: "" } : { text: `${probe.result} ${probe.ms} ms`, style: probe.result === "ok" ? "green" : "red" }];
    };
    const told = (credential?: string): string => probes?.find((one) => one.provider === id && one.credential === credential)?.message ?? "";
    if (credentials.length === 0) {
      const state: Cell = { text: ready ? "ready" : "not ready", style: ready ? "green" : configured ? "red" : "dim" };
      return [[id, "", state, ...answer(), told() || reason]];
    }
    return credentials.map((one, at): (string | Cell)[] => [
      at === 0 ? id : "",
      one.id,
      stateCell(one),
      ...answer(one.id),
      told(one.id) || (one.usable ? (at === 0 ? reason : "") : whyNot(one)),
    ]);
  });
}

/** Each that can be used, a few at a time. */
async function probed(run: Run, rows: readonly Row[], timeoutMs: number): Promise<Probe[]> {
  const asked = rows.flatMap(({ id, ready, credentials, ...row }) => {
    if (row.for !== undefined) return [];
    const usable = credentials.filter((one) => one.usable);
    if (usable.length > 0) return usable.map((one) => ({ provider: id, credential: one.id }));
    return ready && credentials.length === 0 ? [{ provider: id }] : [];
  });
  const probes: Probe[] = [];
  const waiting = asked.values();
  const work = async (): Promise<void> => {
    for (const one of waiting) {
      const probe = await probeOf(run, one, timeoutMs);
      probes.push(probe);
      await run.err(
        run.paint.dim(`${probes.length} of ${asked.length}  ${plain(probe.credential ?? probe.provider)}  ${probe.result} ${probe.ms} ms\n`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const place = ({ provider, credential }: Probe): number =>
    asked.findIndex((one) => one.provider === provider && ("credential" in one ? one.credential : undefined) === credential);
  return probes.sort((a, b) => place(a) - place(b));
}

const RESULTS: Readonly<Record<string, string>> = {
  PLINTH_MODEL_AUTH: "auth",
  PLINTH_CREDENTIAL_REFRESH: "auth",
  PLINTH_MODEL_BILLING: "billing",
  PLINTH_MODEL_QUOTA: "quota",
  PLINTH_MODEL_RATE: "rate",
  PLINTH_MODEL_OVERLOADED: "overloaded",
  PLINTH_MODEL_SERVER: "server",
  PLINTH_MODEL_NETWORK: "network",
  PLINTH_MODEL_UNKNOWN: "no-model",
  PLINTH_MODEL_REQUEST: "format",
  PLINTH_MODEL_UNSUPPORTED: "format",
  PLINTH_MODEL_STREAM: "format",
};

/** What the vendor said, without who would have been asked next. */
const ownWords = (message: string): string => message.replace(/^\S+ is used, because \S+ failed: /, "");

/** One word of one vendor with one credential; another one does not answer in its place. */
async function probeOf(run: Run, one: { provider: string; credential?: string }, timeoutMs: number): Promise<Probe> {
  const began = performance.now();
  const limit = AbortSignal.timeout(timeoutMs);
  const model = `${one.provider}/auto${one.credential === undefined ? "" : `@${one.credential}`}`;
  const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "Say OK." }] }];
  const ended = (result: string, more: object = {}): Probe => ({ ...one, result, ...more, ms: Math.round(performance.now() - began) });
  try {
    const asked = { model, messages, maxOutputTokens: TOKENS, retries: 0, fallbacks: [], onUnsupported: "drop" as const };
    for await (const event of run.ctx
      .use("plinth.models")
      .one()
      .stream(asked, { signal: AbortSignal.any([run.signal, limit]) })) {
      if (event.type === "again") return ended(RESULTS[event.code] ?? "unknown", { code: event.code, message: ownWords(event.message) });
    }
    return ended("ok");
  } catch (thrown) {
    if (run.signal.aborted) throw thrown;
    const { code, message } = errorInfo(thrown);
    return limit.aborted ? ended("timeout", { code }) : ended(RESULTS[code] ?? "unknown", { code, message });
  }
}
