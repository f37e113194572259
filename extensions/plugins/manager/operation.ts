import { type Call, PlinthError, type Principal } from "@plinth/sdk";
import type { Report } from "./report.ts";

/** Who asked, and where the answer goes. */
export interface Requester {
  principal: Principal;
  surface: "chat" | "cli" | "api";
  /** The conversation, where there is one. */
  session: string;
}

export type Input = { readonly [name: string]: string | boolean | undefined };

export interface Job {
  input: Input;
  requester: Requester;
  /** What relative paths are relative to. */
  cwd: string;
  signal: AbortSignal;
}

/** One thing that the plugin manager does. Chat, shell and API are projections of it. */
export interface Operation {
  name: string;
  /** Of a group: `/plugins grants NAME`, `plinth grants NAME`, `grants.NAME`. */
  group?: "grants" | "marketplace" | "trust";
  /** Not offered in conversations: it reads or writes files of the person who asks. */
  only?: "shell";
  summary: string;
  /** Whose work may run it. */
  access: "anyone" | "owner";
  args?: OperationArgument[];
  options?: { [name: string]: OperationOption };
  examples: string[];
  /** Yields what it is doing, returns the result for machines. */
  run(job: Job): AsyncGenerator<string, unknown>;
  /** The result for people. */
  report(result: any, job: Job): Report;
}

export interface OperationArgument {
  name: string;
  summary: string;
  required?: boolean;
  variadic?: boolean;
  /** An option of shells that makes it optional there. */
  unless?: string;
}

export interface OperationOption {
  type: "string" | "boolean";
  summary: string;
  short?: string;
  value?: string;
  /** Only there: in conversations, or in the shell and the API. Default: everywhere. */
  only?: "chat" | "shell";
}

/** Such as `plugins.install` or `grants.revoke`. */
export function idOf({ group, name }: Pick<Operation, "group" | "name">): string {
  return `${group ?? "plugins"}.${name}`;
}

/** What is typed after `/plugins`. */
export function chatName({ group, name }: Pick<Operation, "group" | "name">): string {
  return group === undefined ? name : `${group} ${name}`;
}

/** The requester, from the identity that the host vouches for. Nobody, and guests for owners' operations, are refused. */
export function admit(operation: Pick<Operation, "name" | "group" | "access">, call: Call, surface: Requester["surface"], session = ""): Requester {
  const principal = call.work?.principal;
  if (!principal) {
    throw new PlinthError("PLINTH_NOT_AUTHENTICATED", `Nobody is known to have asked for plugins ${chatName(operation)}.`, {
      next: "Sign in first.",
    });
  }
  if (operation.access === "owner" && principal.role !== "owner") {
    throw new PlinthError("PLINTH_NOT_OWNER", `Only the owner of this host may use plugins ${chatName(operation)}.`, {
      next: "Ask the owner to do it.",
    });
  }
  return { principal, surface, session };
}

/** Options that exist on a surface. */
export function optionsOn(operation: Operation, where: "chat" | "shell"): [string, OperationOption][] {
  return Object.entries(operation.options ?? {}).filter(([, option]) => option.only === undefined || option.only === where);
}
