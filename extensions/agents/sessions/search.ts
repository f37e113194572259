import { setImmediate as breathe } from "node:timers/promises";
import { type Provider, textOf } from "@plinth/sdk";
import { type Body, parseBody } from "./body.ts";
import type { Ledger } from "./ledger.ts";
import { parseOrigin } from "./origin.ts";

type Search = Required<Provider<"plinth.session-store">>["search"];

const BATCH = 500;
const EXCERPT = 200;
/** What one entry gives to the index at most, in characters. */
const MAX_TEXT = 200_000;

interface Found {
  seq: number;
  id: string;
  at: number;
  body: string;
  origin: string | null;
  key: string;
}

/** Full text over what was said. Entries are indexed when somebody searches, not when they are written: turns pay nothing for it. */
export class TranscriptSearch {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async search({ text, key, limit = 20, cursor }: Parameters<Search>[0]): Promise<Awaited<ReturnType<Search>>> {
    const terms = text.match(/[\p{L}\p{N}_]+/gu) ?? [];
    if (terms.length === 0) return { hits: [] };
    await this.#catchUp();
    const match = `${terms.map((term) => `"${term}"`).join(" ")}*`;
    const offset = Number(cursor ?? 0) || 0;
    const rows = this.#ledger.db.all("search", match, key ?? null, key ?? null, limit, offset) as unknown as Found[];
    const hits = rows.map(({ seq, id, at, body: json, origin: noted, key: session }) => {
      const body = parseBody(json);
      const [by, origin] = [speakerOf(body), parseOrigin(noted)];
      const whose = { ...(by === undefined ? {} : { by }), ...(origin === undefined ? {} : { origin }) };
      return { key: session, entry: id, seq, at, excerpt: excerpt(wordsOf(body), terms), ...whose };
    });
    return rows.length < limit ? { hits } : { hits, next: String(offset + limit) };
  }

  async #catchUp(): Promise<void> {
    const { db } = this.#ledger;
    for (;;) {
      const left = await this.#ledger.write(() => {
        const { seq: from } = db.get("indexed") as { seq: number };
        const rows = db.all("unindexed", from, BATCH) as unknown as { seq: number; body: string }[];
        for (const { seq, body } of rows) {
          const words = wordsOf(parseBody(body));
          if (words !== "") db.run("addWords", seq, words.slice(0, MAX_TEXT));
        }
        if (rows.length > 0) db.run("indexedTo", rows.at(-1)!.seq);
        return rows.length === BATCH;
      });
      if (!left) return;
      await breathe();
    }
  }
}

/** What people said and read in an entry. */
function wordsOf(body: Body | undefined): string {
  if (body?.kind === "command") return `${body.command}\n${body.answer}`;
  if (body?.kind === "compaction") return body.summary;
  if (body?.kind !== "message" || body.message.role === "tool") return "";
  return textOf(body.message.content);
}

function speakerOf(body: Body | undefined): "user" | "assistant" | "command" | "summary" | undefined {
  if (body?.kind === "command") return "command";
  if (body?.kind === "compaction") return "summary";
  return body?.kind === "message" && body.message.role !== "tool" ? body.message.role : undefined;
}

/** Around the first word that was asked for. */
function excerpt(text: string, terms: readonly string[]): string {
  const lower = text.toLowerCase();
  const found = terms.map((term) => lower.indexOf(term.toLowerCase())).filter((at) => at >= 0);
  const start = Math.max(0, Math.min(...found, text.length) - EXCERPT / 4);
  const cut = text.slice(found.length === 0 ? 0 : start).slice(0, EXCERPT);
  return cut.replaceAll(/\s+/g, " ").trim();
}
