import { createHash } from "node:crypto";
import { type Capability, type Context, canonicalJson, type Descriptor, errorInfo, PlinthError, type SetTool, type ToolProblem } from "@plinth/sdk";
import { type Entries, setToolsOf } from "./entries.ts";

export type SetCapability = Capability<Descriptor<"plinth.tool-set">>;
type Parts = Pick<Context, "use" | "store" | "clock" | "log">;

/** Tools, and characters as JSON, of one set: what is more is left out. */
const MOST_TOOLS = 1_000;
const MOST_CHARS = 2_000_000;
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;

interface Kept {
  /** Of whose list it is: extension, version and configuration. */
  key: string;
  tools: SetTool[];
  problems: ToolProblem[];
}

interface State {
  capability: SetCapability;
  key: string;
  /** Of what the store has of it; undefined where it has nothing. */
  kept: string | undefined;
  /** What was listed last; undefined before the first time. */
  entries: Entries | undefined;
  /** The set said it itself, in this process: false for what was kept from before a restart. */
  live: boolean;
  stale: boolean;
  failures: number;
  /** Not asked again before. */
  notBefore: number;
  failed: ToolProblem | undefined;
  asking: Promise<Entries> | undefined;
}

/** What each tool set lists: asked once, kept in the store, so that after a restart no code is loaded to name its tools. */
export class SetLists {
  readonly #ctx: Parts;
  readonly #states = new Map<string, Promise<State>>();

  constructor(ctx: Parts) {
    this.#ctx = ctx;
  }

  /** `live`: not what was kept from before a restart, since it is about to be called. Never throws without it. */
  async of(capability: SetCapability, live = false): Promise<Entries> {
    const state = await this.#state(capability);
    const settled = state.entries !== undefined && !state.stale && (!live || state.live);
    if (settled) return withFailure(state);
    const waiting = !live && this.#ctx.clock.now() < state.notBefore;
    if (waiting) return withFailure(state);
    state.asking ??= this.#ask(state).finally(() => {
      state.asking = undefined;
    });
    try {
      return await state.asking;
    } catch (thrown) {
      if (live) throw thrown;
      return withFailure(state);
    }
  }

  /** It says that its list is another one. */
  async changed(set: string): Promise<void> {
    for (const making of this.#states.values()) {
      const state = await making;
      if (state.capability.id === set) Object.assign(state, { stale: true, notBefore: 0 });
    }
  }

  /** These extensions are other ones now, or configured otherwise: what they said before is forgotten. */
  async forget(extensions: readonly string[]): Promise<void> {
    for (const [place, making] of this.#states) {
      const { capability, kept } = await making;
      if (!extensions.includes(capability.extension)) continue;
      this.#states.delete(place);
      if (kept !== undefined) await this.#ctx.store.delete(`list/${capability.id}`).catch(() => {});
    }
  }

  #state(capability: SetCapability): Promise<State> {
    const key = placeOf(capability);
    let making = this.#states.get(key);
    if (making === undefined) {
      making = this.#restored(capability);
      this.#states.set(key, making);
    }
    return making;
  }

  async #restored(capability: SetCapability): Promise<State> {
    const key = await this.#key(capability);
    const state: State = {
      ...{ capability, key, live: false, stale: false, failures: 0, notBefore: 0 },
      ...{ kept: undefined, entries: undefined, failed: undefined, asking: undefined },
    };
    const kept = await this.#ctx.store.get<Kept>(`list/${capability.id}`).catch(() => undefined);
    if (kept !== undefined) state.kept = sha(kept);
    if (kept?.key === key) state.entries = entriesOf(capability, kept);
    return state;
  }

  /** A list is kept for the version and the configuration that it was made with. */
  async #key({ id, extension, version, descriptor }: SetCapability): Promise<string> {
    const { value } = await this.#ctx
      .use("plinth.host")
      .one()
      .configGet({ path: `extensions[${JSON.stringify(extension)}]` })
      .catch(() => ({ value: undefined }));
    return sha({ id, extension, version, descriptor, settings: value ?? null });
  }

  async #ask(state: State): Promise<Entries> {
    const { capability } = state;
    // What is said to have changed while it answers is asked for once more.
    state.stale = false;
    try {
      const { tools, problems } = await this.#read(capability.id);
      state.entries = entriesOf(capability, { tools, problems });
      Object.assign(state, { live: true, failures: 0, notBefore: 0, failed: undefined });
      await this.#keep(state, { key: state.key, tools, problems }).catch((thrown) =>
        this.#ctx.log.warn("A list of tools was not kept.", { ...errorInfo(thrown) }),
      );
      return state.entries;
    } catch (thrown) {
      const { code, message } = errorInfo(thrown);
      state.stale = state.entries !== undefined;
      state.failures++;
      state.notBefore = this.#ctx.clock.now() + Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** state.failures);
      state.failed = { what: capability.id, code: code.slice(0, 64), message: message.slice(0, 1_000) };
      throw thrown;
    }
  }

  /** Written when it is another one. A set without tools has nothing to remember: the store is as if it had never been asked. */
  async #keep(state: State, list: Kept): Promise<void> {
    const place = `list/${state.capability.id}`;
    const kept = list.tools.length + list.problems.length === 0 ? undefined : sha(list);
    if (kept === state.kept) return;
    await (kept === undefined ? this.#ctx.store.delete(place) : this.#ctx.store.set(place, list));
    state.kept = kept;
  }

  async #read(set: string): Promise<{ tools: SetTool[]; problems: ToolProblem[] }> {
    const client = this.#ctx.use("plinth.tool-set").get(set);
    const tools: SetTool[] = [];
    const problems: ToolProblem[] = [];
    let chars = 0;
    let cursor: string | undefined;
    do {
      const page = await client.list(cursor === undefined ? {} : { cursor });
      problems.push(...(page.problems ?? []).slice(0, 100 - problems.length));
      for (const tool of page.tools) {
        chars += JSON.stringify(tool).length;
        if (tools.length >= MOST_TOOLS || chars > MOST_CHARS) return { tools, problems: [tooMany(set), ...problems] };
        tools.push(tool);
      }
      if (page.next !== undefined && (page.tools.length === 0 || page.next === cursor))
        throw new PlinthError("PLINTH_PAYLOAD", `The list of ${set} does not come to an end.`, { next: "Tell the set's author." });
      cursor = page.next;
    } while (cursor !== undefined);
    return { tools, problems };
  }
}

const sha = (value: unknown): string => createHash("sha256").update(canonicalJson(value)).digest("hex");

const placeOf = ({ id, extension, version }: SetCapability): string => `${id} ${extension} ${version}`;

function entriesOf(capability: SetCapability, { tools, problems }: Pick<Kept, "tools" | "problems">): Entries {
  const entries = setToolsOf(capability, tools);
  return { tools: entries.tools, problems: [...problems, ...entries.problems] };
}

const withFailure = ({ entries, failed }: State): Entries => ({
  tools: entries?.tools ?? [],
  problems: [...(entries?.problems ?? []), ...(failed === undefined ? [] : [failed])],
});

const tooMany = (set: string): ToolProblem => ({
  what: set,
  code: "PLINTH_QUOTA",
  message: `It lists more than ${MOST_TOOLS} tools, or ${MOST_CHARS} characters; the first ones are used.`,
});
