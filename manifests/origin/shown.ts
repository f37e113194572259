import type { Influence } from "./origin.ts";

export interface ShownOrigin {
  readonly by: string;
  readonly via?: string | undefined;
  readonly influences?: readonly Influence[] | undefined;
}

/** Who a message is from, as surfaces say it: `you`, or whoever it is instead. */
export const saidBy = (origin: ShownOrigin | undefined): string =>
  origin === undefined || origin.by === "owner" ? "you" : origin.by === "system" ? "the host" : (origin.via ?? "a guest");

/** What happened to a message on its way, such as `changed by acme.filter`; undefined where nothing did. */
export function changedBy(origin: ShownOrigin | undefined): string | undefined {
  const { influences = [] } = origin ?? {};
  const by = (wanted: (how: string) => boolean): string =>
    influences
      .filter(({ how }) => wanted(how))
      .map(({ party }) => party)
      .join(", ");
  const [changed, suggested] = [by((how) => how.startsWith("changed ")), by((how) => how === "suggested it")];
  return [changed && `changed by ${changed}`, suggested && `suggested by ${suggested}`].filter((one) => one !== "").join("; ") || undefined;
}

/** Who else had a hand in a turn, such as `acme.model, text from outside`; undefined where nobody had. */
export function handsIn(origin: ShownOrigin | undefined): string | undefined {
  const names = (origin?.influences ?? []).map(({ party }) =>
    party === "outside" ? "text from outside" : party.startsWith("guest:") ? `a guest (${party.slice(6)})` : party,
  );
  return names.length === 0 ? undefined : names.length <= 6 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
