/** What the details of an error of Google's servers say: https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto */
export interface GoogleDetails {
  /** Its reason, and whose limit was reached: `per_minute_limit` or `per_day_limit`. */
  hint: string;
  /** The field that it complains about. */
  param: string | undefined;
  retryAfterMs: number | undefined;
}

const MAX_DETAILS = 16;

/** @param details `error.details` of an answer; whatever else that is gives nothing. */
export function googleDetails(details: unknown): GoogleDetails {
  const found: GoogleDetails = { hint: "", param: undefined, retryAfterMs: undefined };
  const hints: string[] = [];
  for (const one of Array.isArray(details) ? details.slice(0, MAX_DETAILS) : []) {
    const type = typeof one?.["@type"] === "string" ? /google\.rpc\.(\w+)$/.exec(one["@type"])?.[1] : undefined;
    if (type === "ErrorInfo" && typeof one.reason === "string") hints.push(one.reason.slice(0, 100));
    if (type === "RetryInfo") found.retryAfterMs ??= durationMs(one.retryDelay);
    if (type === "BadRequest" && typeof one.fieldViolations?.[0]?.field === "string") found.param ??= one.fieldViolations[0].field.slice(0, 128);
    if (type === "QuotaFailure") hints.push(...limitsOf(one.violations));
  }
  // A day's limit is not over with a minute's: what takes longer counts.
  found.hint = (hints.includes("per_day_limit") ? hints.filter((hint) => hint !== "per_minute_limit") : hints).join(" ").toLowerCase();
  return found;
}

function limitsOf(violations: unknown): string[] {
  return (Array.isArray(violations) ? violations.slice(0, MAX_DETAILS) : []).flatMap((one) => {
    const quota = String(one?.quotaId ?? one?.subject ?? "");
    if (/per_?day/i.test(quota)) return ["per_day_limit"];
    return /per_?(minute|second)/i.test(quota) ? ["per_minute_limit"] : [];
  });
}

/** `34.07s`, up to whole milliseconds. */
function durationMs(duration: unknown): number | undefined {
  const seconds = typeof duration === "string" ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(duration)?.[1] : undefined;
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1_000);
}
