import { type Call, type Context, PlinthError } from "@plinth/sdk";
import { admit, idOf, type Operation, optionsOn } from "./operation.ts";

/** `plugins.*` and `grants.*`: an operation as a gateway method. Parameters are the operation's arguments and options in camelCase. */
export async function callApi(ctx: Context, operation: Operation, params: unknown, call: Call): Promise<unknown> {
  const requester = admit(operation, call, "api");
  const { home } = await ctx.use("plinth.host").one().status({});
  const steps = operation.run({ input: readParams(operation, params ?? {}), requester, cwd: home, signal: call.signal });
  for (;;) {
    const step = await steps.next();
    if (step.done) return step.value;
  }
}

/** Parameter names with the operation's own names and types. */
export function parameters(operation: Operation): { param: string; name: string; type: "string" | "boolean"; required: boolean; summary: string }[] {
  return [
    ...(operation.args ?? []).map(({ name, required = false, unless, summary }) => ({
      param: name,
      name,
      type: "string" as const,
      required: required && unless === undefined,
      summary,
    })),
    ...optionsOn(operation, "shell").map(([name, { type, summary }]) => ({ param: camelCase(name), name, type, required: false, summary })),
  ];
}

function readParams(operation: Operation, params: unknown): Record<string, string | boolean> {
  const known = parameters(operation);
  const wrong = (message: string) =>
    new PlinthError("PLINTH_USAGE", `${idOf(operation)}: ${message}`, {
      next: `It takes ${known.map(({ param }) => param).join(", ") || "nothing"}.`,
    });
  if (typeof params !== "object" || params === null || Array.isArray(params)) throw wrong("the parameters are not an object.");
  const input: Record<string, string | boolean> = {};
  for (const [param, value] of Object.entries(params)) {
    const match = known.find((one) => one.param === param);
    if (!match) throw wrong(`it knows no ${JSON.stringify(param.slice(0, 60))}.`);
    if (typeof value !== match.type) throw wrong(`${param} is not a ${match.type}.`);
    input[match.name] = value as string | boolean;
  }
  const missing = known.find(({ name, required }) => required && !input[name]);
  if (missing) throw wrong(`${missing.param} is missing.`);
  return input;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
