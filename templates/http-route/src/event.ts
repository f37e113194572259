/** What happened, out of an event's JSON; undefined where it does not say. */
export function kindOf(text: string): string | undefined {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { kind } = (typeof event === "object" && event !== null ? event : {}) as { kind?: unknown };
  return typeof kind === "string" && /^[a-z.]{1,64}$/.test(kind) ? kind : undefined;
}
