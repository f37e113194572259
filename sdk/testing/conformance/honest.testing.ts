/** What the honest providers share. */
import { PlinthError } from "../../extension/errors.ts";

export type Provider = Record<string, (input: any, call: { signal: AbortSignal }) => unknown>;

export const no = (code: string, details?: Record<string, unknown>): PlinthError =>
  new PlinthError(code, `It says ${code}.`, { next: "Ask for something else.", ...(details === undefined ? {} : { details }) });

export function raise(error: Error): never {
  throw error;
}
