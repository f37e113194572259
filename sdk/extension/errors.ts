export interface PlinthErrorOptions {
  /** The extension that owns the failure. */
  extension?: string;
  /** What to do next, a sentence for people. */
  next?: string;
  cause?: unknown;
  /** Extra data for machines. */
  details?: unknown;
}

/** An error people can act on: a code, an owner, the next step. It crosses tiers unchanged. */
export class PlinthError extends Error {
  readonly code: string;
  readonly extension: string | undefined;
  readonly next: string | undefined;
  readonly details: unknown;

  constructor(code: string, message: string, options: PlinthErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PlinthError";
    this.code = code;
    this.extension = options.extension;
    this.next = options.next;
    this.details = options.details;
  }
}

/** Whatever was thrown, as data: { code, message, extension?, next? }. */
export function errorInfo(thrown: unknown): { code: string; message: string; extension?: string; next?: string } {
  if (typeof thrown === "object" && thrown !== null && typeof (thrown as { code?: unknown }).code === "string") {
    const { code, message, extension, next } = thrown as { code: string; message?: unknown; extension?: unknown; next?: unknown };
    return {
      code: code.startsWith("PLINTH_") ? code : "PLINTH_FAILED",
      message: typeof message === "string" ? message : code,
      ...(typeof extension === "string" ? { extension } : {}),
      ...(typeof next === "string" ? { next } : {}),
    };
  }
  return { code: "PLINTH_FAILED", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
