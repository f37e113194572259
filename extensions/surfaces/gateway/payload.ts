import { type Context, PlinthError } from "@plinth/sdk";
import type { Method } from "./directory.ts";
import { methods } from "./generated/methods.js";

type Part = "params" | "result" | "events";
interface Problem {
  path: string;
  message: string;
}

/**
 * What a method declares of its parameters, its result and its events holds, whoever wrote it. The product's schemas are checked
 * here, in microseconds, by what the build compiled of them; a third party's schema could be made to hang whoever checks, so the
 * host does that elsewhere.
 */
export function assertFits(ctx: Context, method: Method, part: Part, value: unknown): Promise<void> | undefined {
  const schema = method.descriptor[part];
  return schema === undefined ? undefined : refuseMisfit(ctx, method, part, schema, value);
}

async function refuseMisfit(ctx: Context, { name, extension, trusted }: Method, part: Part, schema: unknown, value: unknown): Promise<void> {
  const [first] = trusted ? await problemsOf(name, schema as object, value) : await ctx.validate(schema, value);
  if (first === undefined) return;
  const where = first.path === "" ? "" : ` at ${first.path}`;
  if (part === "params") {
    throw new PlinthError("PLINTH_BAD_REQUEST", `The parameters of ${name} do not fit${where}: ${first.message}.`, {
      next: "`methods.list` says what it takes.",
    });
  }
  const what = part === "result" ? "The answer" : "An event";
  throw new PlinthError("PLINTH_PAYLOAD", `${what} of ${name} does not fit what it declares${where}: ${first.message}.`, {
    extension,
    next: "Report it to the author of the extension.",
  });
}

type Check = Awaited<ReturnType<(typeof methods)[string]>>["schemas"][string];
/** Of each schema what was compiled of it; null: it is not of the product's first extensions. */
const known = new WeakMap<object, Check | null>();

async function problemsOf(name: string, schema: object, value: unknown): Promise<Problem[]> {
  let check = known.get(schema);
  if (check === undefined) {
    check = (await methods[name]?.())?.schemas[JSON.stringify(schema)] ?? null;
    known.set(schema, check);
  }
  if (check === null) return problemsByLibrary(schema, value);
  if (check(value)) return [];
  return (check.errors ?? []).map(({ instancePath, message = "does not fit" }) => ({ path: instancePath, message }));
}

let library: Promise<typeof import("typebox/schema")> | undefined;

/** Extensions that the operator runs inside the host bring schemas that no build of ours has seen. */
async function problemsByLibrary(schema: object, value: unknown): Promise<Problem[]> {
  library ??= import("typebox/schema");
  const { Check, Errors } = await library;
  if (Check(schema, value)) return [];
  // The place where nothing is allowed says less than the rule that says so.
  const [, errors] = Errors(schema, value);
  return errors.filter(({ keyword }) => keyword !== "boolean").map(({ instancePath, message }) => ({ path: instancePath, message }));
}
