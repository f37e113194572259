import {
  type Call,
  type CatalogTool,
  type Context,
  PlinthError,
  type ToolCallInput,
  type ToolItem,
  type ToolPlace,
  type ToolProblem,
} from "@plinth/sdk";
import { digestOfAll, type Entries, toolsOf } from "./entries.ts";
import { Gate } from "./gate.ts";
import type { Questions } from "./questions.ts";
import { running } from "./running.ts";
import { search } from "./search.ts";
import { SetLists } from "./set-lists.ts";

type Place = { name: string } | { set: string; tool: string; source?: string };

interface Search {
  query: string;
  limit?: number;
  place?: ToolPlace;
  among?: readonly string[];
}

/** All tools, static ones and those of sets; and the way to call them. */
export class Catalog {
  readonly #ctx: Context;
  readonly #questions: Questions;
  readonly #deferOver: () => number;
  readonly lists: SetLists;
  readonly gate: Gate;

  /** @param deferOver a set with more tools than this is searched, not told whole. */
  constructor(ctx: Context, questions: Questions, deferOver: () => number) {
    this.#ctx = ctx;
    this.#questions = questions;
    this.#deferOver = deferOver;
    this.lists = new SetLists(ctx);
    this.gate = new Gate(ctx);
  }

  async list({ place = {}, everything = false }: { place?: ToolPlace; everything?: boolean }) {
    const { tools, problems } = await this.#all();
    if (everything) return { tools, deferred: tools.filter(({ descriptor }) => descriptor.deferred).length, problems };
    const meant = tools.filter((tool) => this.#isFor(tool, place.surface));
    const away = await this.gate.away(meant, place);
    const offered = away.size === 0 ? meant : meant.filter(({ name }) => !away.has(name));
    const told = offered.filter(({ descriptor }) => !descriptor.deferred);
    await this.#read(told);
    const withheld = [...away].map(([name, why]) => ({ name, why }));
    return { tools: told, deferred: offered.length - told.length, problems, ...(withheld.length === 0 ? {} : { withheld }) };
  }

  async search({ query, limit = 8, place = {}, among = [] }: Search): Promise<{ tools: CatalogTool[] }> {
    const { tools } = await this.#all();
    const further = new Set(among);
    const meant = tools.filter((tool) => (tool.descriptor.deferred || further.has(tool.name)) && this.#isFor(tool, place.surface));
    const away = await this.gate.away(meant, place);
    const offered = meant.filter(({ name }) => !away.has(name));
    const found = search(offered, query, limit);
    await this.#read(found);
    return { tools: found };
  }

  async find(place: Place): Promise<CatalogTool | undefined> {
    const { tools } = await this.#all();
    if ("name" in place) return tools.find(({ name }) => name === place.name);
    return tools.find(({ set, tool, source }) => set === place.set && tool === place.tool && source === place.source);
  }

  /** Of all that sets say in a party's name. */
  async digest(party: string): Promise<string | undefined> {
    const { tools } = await this.#all();
    const theirs = tools.filter(({ set, from }) => set !== undefined && from === party);
    return theirs.length === 0 ? undefined : digestOfAll(theirs);
  }

  async *run(
    { name, digest, place = {}, timeoutMs, ...given }: ToolCallInput & { name: string; digest?: string; place?: ToolPlace; timeoutMs?: number },
    call: Call,
  ): AsyncGenerator<ToolItem> {
    let tool = await this.find({ name });
    if (tool?.set !== undefined) {
      // What is called was said by the set itself, not kept from before a restart.
      const capability = (await this.#sets()).find(({ id }) => id === tool?.set);
      if (capability !== undefined) await this.lists.of(capability, true);
      tool = await this.find({ name });
    }
    if (tool === undefined) throw unknown(name);
    if (digest !== undefined && digest !== tool.digest) throw changed(tool);
    if (tool.descriptor.ownerOnly && call.work?.principal.role !== "owner") throw ownersOnly(tool);
    const { agent, sessionKey } = given;
    const away = await this.gate.away([tool], {
      ...(agent === undefined ? {} : { agent }),
      ...(sessionKey === undefined ? {} : { sessionKey }),
      ...place,
    });
    for (const [, why] of away) throw denied(tool, why);
    yield* running(tool, given, timeoutMs, this.#ctx, this.#questions, call);
  }

  async #all(): Promise<{ tools: CatalogTool[]; problems: ToolProblem[] }> {
    const [own, sets] = await Promise.all([this.#ctx.use("plinth.tool").list(), this.#sets()]);
    const entries: Entries[] = [toolsOf(own)];
    for (const { tools, problems } of await Promise.all(sets.map((set) => this.lists.of(set)))) {
      const many = tools.length > this.#deferOver();
      entries.push({ tools: many ? tools.map(deferred) : tools, problems });
    }
    const tools = entries.flatMap((one) => one.tools).sort((a, b) => (a.name < b.name ? -1 : 1));
    return { tools, problems: entries.flatMap((one) => one.problems) };
  }

  async #sets() {
    return this.#ctx.use("plinth.tool-set").list();
  }

  #isFor({ descriptor: { hidden, surfaces, ownerOnly } }: CatalogTool, surface: string | undefined): boolean {
    if (hidden || (ownerOnly && this.#ctx.currentWork()?.principal.role !== "owner")) return false;
    return surfaces === undefined || (surface !== undefined && surfaces.includes(surface));
  }

  /** What a tool says of itself is about to be read as instructions: whose words these are has a hand in the work. */
  async #read(tools: readonly CatalogTool[]): Promise<void> {
    const parties = new Map(tools.flatMap(({ from, name }) => (from === undefined ? [] : [[from, name]])));
    for (const [party, name] of parties) await this.#ctx.lower(party, `describes the tool ${name}`);
  }
}

const deferred = (tool: CatalogTool): CatalogTool => ({ ...tool, descriptor: { ...tool.descriptor, deferred: tool.descriptor.deferred ?? true } });

const unknown = (name: string): PlinthError =>
  new PlinthError("PLINTH_TOOL_UNKNOWN", `There is no tool "${name}".`, {
    extension: "plinth.tools",
    next: "`plinth tools list` shows what there is.",
  });

const changed = ({ name, extension }: CatalogTool): PlinthError =>
  new PlinthError("PLINTH_TOOL_CHANGED", `The tool "${name}" says something else of itself than when it was chosen, so it was not called.`, {
    extension,
    next: "Look at what it says now, and decide anew.",
  });

const denied = ({ name }: CatalogTool, why: string): PlinthError =>
  new PlinthError("PLINTH_TOOL_DENIED", `The tool "${name}" may not be used here (${why}).`, {
    extension: "plinth.tools",
    next: "Go on without it. `plinth tools why` tells an owner more.",
  });

const ownersOnly = ({ name, extension }: CatalogTool): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `The tool "${name}" is the owner's only; this is the work of a guest or of an extension.`, {
    extension,
    next: "The owner can ask for it in a conversation of their own.",
  });
