import type { Pin } from "./contracts/host/state.ts";
import { errors } from "./errors.ts";
import { maskValue } from "./redact.ts";
import { isLent, secretHandle, secretsIn, withValues } from "./secret-handle.ts";
import type { ExecRequest } from "./wire/bridge.ts";

/** For which programs some variables are, because they hold secrets. */
export interface Pinned {
  readonly programs: Pick<Pin, "program" | "sha256">[];
  readonly variables: string[];
}

/** Who sends a secret, and to which origin. */
export interface SecretUse {
  readonly extension: string;
  readonly origin: string;
}

/** Puts secrets into what leaves the host. Where they come from is a slot; values stay in here, on the wire and in pinned programs. */
export class Secrets {
  readonly #resolve: (name: string, use?: SecretUse) => Promise<string | null>;

  constructor(resolve: (name: string, use?: SecretUse) => Promise<string | null>) {
    this.#resolve = resolve;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#resolve(name)) !== null;
  }

  /**
   * A header's value with its handles replaced: for names that the extension was granted, and for what was lent to it; of the
   * latter the source says whether `origin` is where it may go.
   */
  async substitute(extension: string, granted: readonly string[], text: string, origin = ""): Promise<string> {
    const names = secretsIn(text);
    if (names.length === 0) return text;
    const values = new Map<string, string>();
    for (const name of names) {
      if (!isLent(name) && !granted.includes(name)) throw errors.permission(extension, `use the secret ${name}`);
      const value = await this.#resolve(name, { extension, origin });
      if (value === null) throw errors.secretMissing(extension, name);
      if (/[\r\n\0]/.test(value)) throw errors.payload(extension, `the secret ${name}`, "it holds a line break");
      maskValue(value);
      values.set(name, value);
    }
    return withValues(text, values);
  }

  /**
   * A program's variables with their handles replaced; then only programs may have them that were pinned for these secrets in
   * these variables. A secret is a variable's whole value. No value is asked for without a pin.
   */
  async toProgram(
    extension: string,
    granted: readonly string[] | undefined,
    grant: { readonly pins?: readonly Pin[] } | undefined,
    request: ExecRequest,
  ): Promise<{ request: ExecRequest; pinned?: Pinned }> {
    const variables = Object.entries(request.env ?? {}).filter(([, value]) => typeof value === "string" && secretsIn(value).length > 0);
    if (variables.length === 0) return { request };
    const asked = variables.map(([variable, value]) => {
      const [name = ""] = secretsIn(value);
      if (value !== secretHandle(name)) throw errors.secretInText(extension, variable, name);
      return variable === name ? name : `${name}=${variable}`;
    });
    const programs = (grant?.pins ?? []).filter(({ secrets }) => asked.every((one) => secrets.some((pinned) => pinned === one)));
    if (programs.length === 0) throw errors.notPinned(extension, String(request.program), asked);
    const env: Record<string, string> = { ...request.env };
    for (const [variable, value] of variables) env[variable] = await this.substitute(extension, granted ?? [], value);
    const pinned = { programs: programs.map(({ program, sha256 }) => ({ program, sha256 })), variables: variables.map(([name]) => name) };
    return { request: { ...request, env }, pinned };
  }
}
