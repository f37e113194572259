import { type Client, PlinthError } from "@plinth/sdk";

export type Grant = Awaited<ReturnType<Client<"plinth.host">["grants"]>>["grants"][string];

const UNITS: { [unit: string]: number } = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const LONGEST_MS = 10 * 366 * 86_400_000;

/** Such as `session main`, or `everywhere`. */
export function placeOf({ scope = {} }: Pick<Grant, "scope">): string {
  return (
    Object.entries(scope)
      .map(([label, value]) => `${label} ${value}`)
      .join(", ") || "everywhere"
  );
}

/** Such as `until 2026-12-31 10:00 UTC`, `ended at …` or `until it is revoked`. */
export function endOf({ expiresAt }: Pick<Grant, "expiresAt">, now: number): string {
  if (expiresAt === undefined) return "until it is revoked";
  return `${expiresAt <= now ? "ended at" : "until"} ${minute(expiresAt)}`;
}

/** A time as people read it. */
export function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** When a grant ends: `30m`, `12h`, `7d`, `2w` from now, a date, or null for `never`. */
export function readExpiry(text: string, now: number): number | null {
  if (text === "never") return null;
  const [, count, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const at = count !== undefined && unit !== undefined ? now + Number(count) * (UNITS[unit] as number) : dateOf(text);
  if (at > now && at - now <= LONGEST_MS) return at;
  throw new PlinthError("PLINTH_USAGE", `--expires is ${JSON.stringify(text.slice(0, 60))}, which is no time to come.`, {
    next: "Give how long from now, such as 30m, 12h, 7d or 2w, a date such as 2027-01-31, or never.",
  });
}

function dateOf(text: string): number {
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
}
