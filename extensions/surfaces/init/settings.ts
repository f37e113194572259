import { type Context, PlinthError } from "@plinth/sdk";
import { type Candidate, snapshot } from "./house.ts";

/** One thing that has to be set, and how it is told and set. */
export interface Setting {
  readonly kind: "config" | "secret";
  /** A place in the extension's configuration, or a secret's name. */
  readonly name: string;
  readonly extension: string;
  /** What it is, in the words of its schema. */
  readonly about?: string;
}

type Schema = {
  readonly $ref?: string;
  readonly type?: unknown;
  readonly description?: string;
  readonly properties?: { readonly [name: string]: Schema };
};

/** Of what a candidate needs, that which is not set. */
export async function unsetOf(ctx: Context, candidate: Candidate): Promise<Setting[]> {
  const kernel = await snapshot(ctx);
  const entry = kernel.config.extensions?.[candidate.extension];
  const given = typeof entry === "object" ? (entry.config ?? {}) : {};
  const { extension, needs } = candidate;
  const unset: Setting[] = [];
  for (const name of needs.config ?? []) {
    if (name.split(".").reduce<unknown>(own, given) !== undefined) continue;
    const about = schemaAt(candidate, name)?.description;
    unset.push({ kind: "config", name, extension, ...(about === undefined ? {} : { about }) });
  }
  for (const name of needs.secrets ?? []) if ((await kernel.secretExists?.(name)) !== true) unset.push({ kind: "secret", name, extension });
  return unset;
}

/** Put a value where its extension finds it: a setting into the configuration, a secret to where secrets are kept. Applies at once. */
export async function set(ctx: Context, { kind, name, extension }: Setting, text: string, candidate: Candidate): Promise<void> {
  if (kind === "secret") return void (await ctx.use("plinth.secret-source").one().keep({ name, value: text }));
  const type = schemaAt(candidate, name)?.type;
  const path = `extensions["${extension}"].config.${name}`;
  await ctx
    .use("plinth.host-admin")
    .one()
    .configSet({ path, value: type === "string" ? text : parsed(text) });
}

/** How somebody sets it without this command. */
export function howTo({ kind, name, extension }: Setting, command: string): string {
  if (kind === "config") return `${command} ${name}=VALUE, or: plinth config set 'extensions["${extension}"].config.${name}' VALUE`;
  return `set the environment variable ${name}, or: ${command} --secret ${name} < FILE`;
}

/** `NAME=VALUE` words, by name. */
export function pairsOf(words: readonly string[]): Map<string, string> {
  return new Map(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at > 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new PlinthError("PLINTH_USAGE", `"${word.slice(0, 80)}" is no setting.`, { next: "Write NAME=VALUE." });
    }),
  );
}

/** A name is one of its extension's, whatever else is set there. */
export const takesConfig = (candidate: Candidate, name: string): boolean => schemaAt(candidate, name) !== undefined;
export const takesSecret = ({ manifest }: Candidate, name: string): boolean => manifest.permissions?.secrets?.includes(name) === true;

function schemaAt({ manifest }: Candidate, path: string): Schema | undefined {
  const root = manifest.config as (Schema & { readonly $defs?: { readonly [name: string]: Schema } }) | undefined;
  const whole = (schema: Schema | undefined): Schema | undefined => {
    const name = /^#\/\$defs\/([\w-]+)$/.exec(schema?.$ref ?? "")?.[1];
    return name === undefined ? schema : (own(root?.$defs ?? {}, name) as Schema | undefined);
  };
  return path.split(".").reduce<Schema | undefined>((schema, name) => whole(own(schema?.properties ?? {}, name) as Schema | undefined), whole(root));
}

function own(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** JSON where the word is JSON, else the word itself. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
