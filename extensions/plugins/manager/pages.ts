import { createHash } from "node:crypto";
import { type Context, PlinthError } from "@plinth/sdk";
import type { Requester } from "./operation.ts";
import { markdownPages, type Report } from "./report.ts";

/** One message of a conversation. */
export interface Page {
  text: string;
  suggest?: Report["suggest"];
}

interface Kept {
  pages: string[];
  at: number;
  suggest?: Report["suggest"];
}

const VALID_MS = 15 * 60_000;

/**
 * Long answers page by page. The rest is kept for whoever asked, in that conversation; buttons come with the last page,
 * so that nobody says yes to what was not shown.
 */
export class Pages {
  readonly #store: Context["store"];

  constructor(ctx: Pick<Context, "store">) {
    this.#store = ctx.store;
  }

  async first(report: Report, requester: Requester): Promise<Page> {
    const pages = markdownPages(report);
    const suggest = report.suggest === undefined ? {} : { suggest: report.suggest };
    if (pages.length === 1) return { text: pages[0] as string, ...suggest };
    return await this.#show({ pages, at: 0, ...suggest }, requester);
  }

  async next(requester: Requester): Promise<Page> {
    const kept = await this.#store.get<Kept>(keyOf(requester));
    if (kept !== undefined) return await this.#show(kept, requester);
    throw new PlinthError("PLINTH_USAGE", "There is no further page.", { next: "Ask again for what you want to see." });
  }

  async #show({ pages, at, suggest }: Kept, requester: Requester): Promise<Page> {
    const text = pages[at] as string;
    const isLast = at === pages.length - 1;
    if (isLast) await this.#store.delete(keyOf(requester));
    else await this.#store.set(keyOf(requester), { pages, at: at + 1, ...(suggest === undefined ? {} : { suggest }) }, VALID_MS);
    if (isLast) return { text, ...(suggest === undefined ? {} : { suggest }) };
    return { text: `${text}\n\nPage ${at + 1} of ${pages.length}: \`/plugins more\``, suggest: [{ label: "More", text: "/plugins more" }] };
  }
}

function keyOf({ principal, session }: Requester): string {
  const who = JSON.stringify([principal.role, principal.via, principal.name ?? null, session]);
  return `more/${createHash("sha256").update(who).digest("hex")}`;
}
