import type { FailureKind } from "./failure.ts";

export interface VendorFailure {
  vendor: string;
  /** Where the vendor writes about its errors. */
  page: string;
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  kind: FailureKind;
  /** Milliseconds, where the answer says when to ask again. */
  wait?: number;
}

/** A row's vendor and page go for all of its answers. */
export function of(
  vendor: string,
  page: string,
  ...answers: [number, unknown, FailureKind, { headers?: Record<string, string>; wait?: number }?][]
): VendorFailure[] {
  return answers.map(([status, body, kind, more = {}]) => ({ vendor, page, status, body, kind, ...more }));
}

export const openai = (message: string, type: string, code: string | null, param: string | null = null) => ({
  error: { message, type, param, code },
});
