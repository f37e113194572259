import type { Block } from "./content-blocks.ts";

/** Breakpoints that one request may have. */
const MOST = 4;
/** These go back unchanged, or cannot be marked. */
const UNMARKED = /^(thinking|redacted_thinking|server_tool_use|.*_tool_result|container_upload)$/;

/**
 * Put `cache_control` on blocks of the request. Where more are marked than a request may have, the last of the instructions
 * stays, because all conversations share what stands before it, and of the others the last ones: what stands before an earlier
 * one was cached when that was the last.
 *
 * @param places of blocks in the order in which the server reads them: the instructions, then each message. They are changed.
 */
export function placeBreakpoints(places: readonly Block[][], marked: ReadonlySet<Block>, ttl: "5m" | "1h" | undefined): void {
  const found: { place: Block[]; at: number; first: boolean }[] = [];
  for (const [nth, place] of places.entries()) {
    let last = -1;
    for (const [at, block] of place.entries()) {
      if (canBeMarked(block)) last = at;
      const known = found.some((one) => one.place === place && one.at === last);
      if (marked.has(block) && last >= 0 && !known) found.push({ place, at: last, first: nth === 0 });
    }
  }
  const shared = found.findLast(({ first }) => first);
  const rest = found.filter(({ first }) => !first);
  const kept = shared === undefined ? rest.slice(-MOST) : [...found.filter((one) => one.first && one !== shared), ...rest].slice(1 - MOST);
  for (const { place, at } of shared === undefined ? kept : [shared, ...kept]) {
    place[at] = { ...place[at]!, cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } };
  }
}

const canBeMarked = ({ type }: Block): boolean => type === "tool_result" || !UNMARKED.test(type);
