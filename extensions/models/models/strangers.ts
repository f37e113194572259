import { type Call, errorInfo, isProduct, PlinthError } from "@plinth/sdk";

type Method = (input: any, call: Call) => any;

/**
 * The same methods, which tell another publisher's extension nothing of the owner's credentials: where a message names one,
 * it says that there is one.
 *
 * @param vendors whose credentials there may be: their names begin with it
 */
export function sparing<P extends object>(provider: P, vendors: () => Promise<Iterable<string>>): P {
  const methods = Object.entries(provider as Record<string, Method>).map(([name, method]) => {
    const spared: Method = (input, call) => {
      if (isProduct(call.caller)) return method.call(provider, input, call);
      const answer = method.call(provider, input, call);
      return isStream(answer) ? streamed(answer, vendors) : whole(answer, vendors);
    };
    return [name, spared] as const;
  });
  return Object.fromEntries(methods) as P;
}

const isStream = (answer: unknown): answer is AsyncIterable<unknown> => typeof (answer as any)?.[Symbol.asyncIterator] === "function";

async function* streamed(items: AsyncIterable<unknown>, vendors: () => Promise<Iterable<string>>): AsyncGenerator<unknown> {
  try {
    for await (const item of items) yield hasWords(item, "message") ? { ...item, message: spare(item.message, await vendors()) } : item;
  } catch (thrown) {
    throw spareError(thrown, await vendors());
  }
}

async function whole(answer: unknown, vendors: () => Promise<Iterable<string>>): Promise<unknown> {
  try {
    const value = await answer;
    return hasWords(value, "reason") ? { ...value, reason: spare(value.reason, await vendors()) } : value;
  } catch (thrown) {
    throw spareError(thrown, await vendors());
  }
}

const hasWords = <N extends string>(value: unknown, name: N): value is Record<N, string> =>
  typeof value === "object" && value !== null && typeof (value as Record<string, unknown>)[name] === "string";

function spare(text: string, vendors: Iterable<string>): string {
  let spared = text;
  for (const vendor of vendors)
    if (spared.includes(`${vendor}:`))
      spared = spared.replace(new RegExp(`(?<![\\w-])${vendor.replace(/\W/g, "\\$&")}:[A-Za-z0-9._@+-]+`, "g"), "a credential");
  return spared;
}

function spareError(thrown: unknown, vendors: Iterable<string>): unknown {
  const { code, message, next, extension } = errorInfo(thrown);
  const all = [...vendors];
  const [said, step] = [spare(message, all), next === undefined ? undefined : spare(next, all)];
  if (said === message && step === next) return thrown;
  const details = (thrown as { details?: Record<string, unknown> }).details;
  return new PlinthError(code, said, { extension, next: step, ...(details === undefined ? {} : { details }) });
}
