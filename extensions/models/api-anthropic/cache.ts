import { keptMarks } from "@plinth/sdk/kits/model-api";
import type { Block } from "./content-blocks.ts";

/** Breakpoints that one request may have. */
const MOST = 4;
/** These go back unchanged, or cannot be marked. */
const UNMARKED = /^(thinking|redacted_thinking|server_tool_use|.*_tool_result|container_upload)$/;

/**
 * Put `cache_control` on blocks of the request, or on the last one before them that may have it.
 *
 * @param places of blocks in the order in which the server reads them: the instructions, then each message. They are changed.
 */
export function placeBreakpoints(places: readonly Block[][], marked: ReadonlySet<Block>, ttl: "5m" | "1h" | undefined): void {
  const found: { place: Block[]; at: number; shared: boolean }[] = [];
  for (const [nth, place] of places.entries()) {
    let last = -1;
    for (const [at, block] of place.entries()) {
      if (canBeMarked(block)) last = at;
      const known = found.some((one) => one.place === place && one.at === last);
      if (marked.has(block) && last >= 0 && !known) found.push({ place, at: last, shared: nth === 0 });
    }
  }
  for (const { place, at } of keptMarks(found, MOST)) {
    place[at] = { ...place[at]!, cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } };
  }
}

const canBeMarked = ({ type }: Block): boolean => type === "tool_result" || !UNMARKED.test(type);
