import type { Client, Context, ExtensionStatus } from "@plinth/sdk";
import { type Offered, offeredIn } from "./market/built-in.ts";
import { BUILT_IN } from "./market/settings.ts";
import type { Operation } from "./operation.ts";
import { type Block, code, safe } from "./report.ts";
import { readWorld } from "./world.ts";

type Hits = Awaited<ReturnType<Client<"plinth.plugin-source">["search"]>>["hits"];

interface Listing {
  extensions: ExtensionStatus[];
  /** What the product brings besides, to be installed from this disk. */
  available: Offered[];
}

interface Search {
  query: string;
  /** `proven` is this extension's own word: of sources of others nothing is. */
  hits: Hits;
  /** Sources that did not answer. */
  failed: { source: string; message: string }[];
}

/** Rows that fit one message of a conversation. */
const PAGE = 20;

export function list(ctx: Context): Operation {
  return {
    name: "list",
    summary: "List extensions with their state and faults",
    access: "anyone",
    options: {
      all: { type: "boolean", summary: "The bundled ones, too", only: "chat" },
      page: { type: "string", value: "N", summary: "Which page of a long list", only: "chat" },
    },
    examples: ["list", "list --json"],
    async *run() {
      const { extensions } = await ctx.use("plinth.host").one().status({});
      return { extensions: extensions.map(({ counts: _counts, ...rest }) => rest), available: await offeredIn(await readWorld(ctx)) };
    },
    report({ extensions, available }: Listing, { input, requester }) {
      const chat = requester.surface === "chat";
      const all = !chat || input.all === true;
      const here = extensions.filter((one) => all || !one.bundled || one.fault);
      const shown = [...here.map(rowOf), ...(all ? available : []).map(offeredRow)];
      const pages = chat ? Math.max(1, Math.ceil(shown.length / PAGE)) : 1;
      const page = chat ? Math.min(Math.max(1, Number.parseInt(String(input.page ?? "1"), 10) || 1), pages) : 1;
      const rows = chat ? shown.slice((page - 1) * PAGE, page * PAGE) : shown;
      const blocks: Block[] = [];
      if (rows.length > 0) {
        blocks.push({
          head: ["id", "version", "tier", "state", "from", "title"],
          rows: rows.map(({ row }) => row),
        });
      }
      const faulty = rows.flatMap(({ one }) => (one?.fault ? [one] : []));
      if (faulty.length > 0) blocks.push({ title: "At fault" }, { items: faulty.map(faultLine) });
      const hidden = extensions.length - here.length;
      if (hidden > 0)
        blocks.push({
          text: `${rows.length === 0 ? "Nothing is installed yet. " : ""}${hidden} bundled extensions are fine: \`/plugins list --all\``,
        });
      if (!all && available.length > 0)
        blocks.push({
          text: `${available.length} more ${available.length === 1 ? "comes" : "come"} with the product, not installed: \`/plugins search\``,
        });
      if (page < pages) blocks.push({ text: `Page ${page} of ${pages}: \`/plugins list ${input.all ? "--all " : ""}--page ${page + 1}\`` });
      return { blocks };
    },
  };
}

export function search(ctx: Context): Operation {
  return {
    name: "search",
    summary: "Find extensions to install",
    access: "anyone",
    args: [{ name: "query", summary: "Words of its name or description; none lists all", variadic: true }],
    examples: ["search", "search weather"],
    async *run({ input, signal }) {
      const query = String(input.query ?? "").trim();
      yield "Searching …";
      const sources = ctx.use("plinth.plugin-source");
      const searchable = (await sources.list()).filter(({ descriptor }) => descriptor.searchable);
      const answers = await Promise.allSettled(searchable.map(({ id }) => sources.get(id).search({ query, limit: PAGE }, { signal })));
      const result: Search = { query, hits: [], failed: [] };
      for (const [at, answer] of answers.entries()) {
        const isOwn = searchable[at]!.extension === ctx.id;
        if (answer.status === "fulfilled")
          result.hits.push(...answer.value.hits.map((hit) => (isOwn && hit.proven === true ? hit : unproven(hit))).filter(({ id }) => id !== ""));
        else result.failed.push({ source: searchable[at]!.id, message: (answer.reason as Error).message });
      }
      if (result.hits.length === 0 && answers.length > 0 && result.failed.length === answers.length) {
        throw (answers[0] as PromiseRejectedResult).reason;
      }
      return result;
    },
    report({ query, hits, failed }: Search, { requester }) {
      const blocks: Block[] = [];
      const proven = hits.filter((hit) => hit.proven === true);
      const first = proven[0];
      const command = requester.surface === "chat" ? "/plugins" : "plinth plugins";
      if (hits.length > 0) {
        blocks.push({
          head: ["id", "version", "title", "description", "source"],
          rows: hits
            .slice(0, PAGE)
            .map(({ id, version, title, description, source, proven: is }) => [id, version, title, description, is ? source : `${source}, unproven`]),
        });
        if (first !== undefined) blocks.push({ text: `Install one with ${code(`${command} install ${first.id}`)}` });
        if (proven.length < hits.length) {
          blocks.push({
            text: `What is unproven stands in a list that nobody has signed. Look at one before you want it: ${code(`${command} info ID`)}`,
          });
        }
      } else
        blocks.push({
          text: query ? `Nothing fits “${safe(query, 100)}”. Try other words, or none to see everything.` : "There is nothing to install.",
        });
      if (failed.length > 0) blocks.push({ items: failed.map(({ source, message }) => `${source} did not answer: ${message}`) });
      const suggest = proven.slice(0, 5).map(({ id }) => ({ label: `Install ${id}`, text: `/plugins install ${id}` }));
      return { blocks, ...(requester.surface === "chat" && suggest.length > 0 ? { suggest } : {}) };
    },
  };
}

interface Row {
  row: string[];
  /** undefined: it is not installed. */
  one?: ExtensionStatus;
}

function rowOf(one: ExtensionStatus): Row {
  const { id, version, tier, state, bundled, own, title } = one;
  return { row: [id, version, tier, state, bundled ? "bundled" : own ? BUILT_IN.name : "", title], one };
}

const offeredRow = ({ id, version, title }: Offered): Row => ({ row: [id, version, "", "not installed", BUILT_IN.name, title] });

function faultLine({ id, fault }: ExtensionStatus): string {
  return `${id}: ${fault?.code} in ${fault?.phase}: ${fault?.message}${fault?.next ? ` Next: ${fault.next}` : ""}`;
}

const ID = /^[a-z0-9@][a-z0-9@/._-]{0,199}$/;

/** The id of a hit that nothing signed has, and its version: no words of strangers, and nothing that is not plain. */
function unproven({ id, version, source }: Hits[number]): Hits[number] {
  const plain = (text: string, shape: RegExp) => (shape.test(text) ? text : "");
  return {
    id: plain(id, ID),
    version: plain(version, /^[0-9A-Za-z.+-]{1,64}$/),
    title: "",
    description: "",
    source: safe(source, 64),
    proven: false,
  };
}
