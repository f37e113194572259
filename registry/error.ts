export interface RegistryErrorOptions {
  /** What to do next, a sentence for people. */
  next?: string;
  cause?: unknown;
  /** Extra data for machines. */
  details?: unknown;
}

/** An error people can act on. It has the fields of the SDK's PlinthError, so that it crosses contracts unchanged. */
export class RegistryError extends Error {
  readonly code: string;
  readonly next: string | undefined;
  readonly details: unknown;

  constructor(code: string, message: string, options: RegistryErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PlinthError";
    this.code = code;
    this.next = options.next;
    this.details = options.details;
  }
}

/** The sentence in whatever was thrown. */
export function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The code of a system error, such as ENOENT. */
export function systemCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
