import type { PlinthError, ToolCallPart } from "@plinth/sdk";
import { argumentsOf, unreadableCall } from "@plinth/sdk/kits/model-api";
import type { WireExtra } from "./wire-extra.ts";

const MAX_CALLS = 128;
const MAX_ARGUMENTS = 8 * 1024 * 1024;

export interface WireToolCall {
  index?: unknown;
  id?: unknown;
  extra_content?: unknown;
  function?: { name?: unknown; arguments?: unknown } | null;
}

interface Slot {
  id: string;
  name: string;
  pieces: string[];
  extra: unknown;
}

/**
 * Puts calls together from their pieces. By the protocol a call has an index, and an id in its first piece; servers leave out
 * either, or say both wrongly: what begins with another id, another name, or after arguments that are whole, is another call.
 */
export class ToolCalls {
  readonly #title: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #broken: (what: string) => PlinthError;
  readonly #slots: Slot[] = [];
  readonly #byIndex = new Map<number, Slot>();
  #size = 0;

  /** @param names our tools' names by those that were sent. */
  constructor(title: string, names: ReadonlyMap<string, string>, broken: (what: string) => PlinthError) {
    this.#title = title;
    this.#names = names;
    this.#broken = broken;
  }

  get size(): number {
    return this.#slots.length;
  }

  /** The calls of one piece of the answer: what stands side by side is never one call. */
  take(calls: readonly (WireToolCall | null)[]): void {
    const here = new Set<Slot>();
    for (const call of calls) if (typeof call === "object" && call !== null) here.add(this.#piece(call, here));
  }

  /** The calls that can be told, then the failure of the first that cannot be read. Those of a model that was `cut` were never made. */
  finish(cut: boolean): { calls: ToolCallPart[]; error?: PlinthError } {
    const used = new Set<string>();
    const calls: ToolCallPart[] = [];
    let error: PlinthError | undefined;
    for (const { id: given, name: sent, pieces, extra } of this.#slots) {
      if (sent === "") return { calls, error: this.#broken("called a tool without naming it") };
      const id = given === "" || used.has(given) ? `call_${crypto.randomUUID()}` : given;
      used.add(id);
      const name = this.#names.get(sent) ?? sent;
      const text = pieces.join("");
      const args = text === "" && cut ? undefined : argumentsOf(text);
      if (args !== undefined) {
        const opaque = extra === undefined ? {} : { opaque: { data: { extra_content: extra } satisfies WireExtra } };
        calls.push({ type: "tool-call", id, name, args, ...opaque });
      } else if (!cut) error ??= unreadableCall(this.#title, { id, name }, text);
    }
    return error === undefined ? { calls } : { calls, error };
  }

  #piece({ index, id, extra_content, function: called }: WireToolCall, here: ReadonlySet<Slot>): Slot {
    const given = { id: typeof id === "string" ? id : "", name: typeof called?.name === "string" ? called.name : "" };
    const at = typeof index === "number" && Number.isInteger(index) && index >= 0 ? index : undefined;
    const known = at === undefined ? this.#without(given.id) : this.#byIndex.get(at);
    const slot = known === undefined || isAnother(known, given, here.has(known)) ? this.#begin(at) : known;
    if (slot.id === "") slot.id = given.id;
    if (slot.name === "") slot.name = given.name;
    slot.extra ??= extra_content;
    const value = called?.arguments;
    const piece = typeof value === "object" && value !== null ? JSON.stringify(value) : value;
    if (typeof piece !== "string" || piece === "") return slot;
    this.#size += piece.length;
    if (this.#size > MAX_ARGUMENTS) throw this.#broken("sent arguments of more than 8 MiB");
    slot.pieces.push(piece);
    return slot;
  }

  /** Without an index: the call of that id, else the last one. */
  #without(id: string): Slot | undefined {
    return (id === "" ? undefined : this.#slots.find((slot) => slot.id === id)) ?? this.#slots.at(-1);
  }

  #begin(index: number | undefined): Slot {
    if (this.#slots.length >= MAX_CALLS) throw this.#broken(`called more than ${MAX_CALLS} tools at once`);
    const slot: Slot = { id: "", name: "", pieces: [], extra: undefined };
    this.#slots.push(slot);
    if (index !== undefined) this.#byIndex.set(index, slot);
    return slot;
  }
}

/** Whether a piece begins another call than the one it seems to go on with. Some servers repeat name and id in every piece, or make up new ids. */
function isAnother(slot: Slot, { id, name }: { id: string; name: string }, sideBySide: boolean): boolean {
  if (id !== "" && id === slot.id) return false;
  if (name === "") return false;
  if (sideBySide || (slot.name !== "" && name !== slot.name)) return true;
  const text = slot.pieces.join("");
  // The same name once more: it goes on with arguments that are begun, or not begun and without another id.
  return text === "" ? id !== "" && slot.id !== "" : isWhole(text);
}

function isWhole(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
