/** The schema checker's thread: compiles and runs schemas of unknown origin. Its owner bounds its time and memory. */
import { parentPort } from "node:worker_threads";
import Ajv from "ajv/dist/2020.js";

const MAX_CACHED = 256;
const cache = new Map<string, { (value: unknown): boolean; errors?: { instancePath: string; message?: string }[] | null }>();

parentPort?.on("message", ({ schema, value }: { schema: string; value: string }) => {
  try {
    let validate = cache.get(schema);
    if (validate === undefined) {
      if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
      const ajv = new Ajv({
        strict: false,
        allErrors: false,
        ownProperties: true,
        validateSchema: false,
        addUsedSchema: false,
        logger: false,
        useDefaults: false,
      });
      validate = ajv.compile(JSON.parse(schema) as object) as NonNullable<typeof validate>;
      cache.set(schema, validate);
    }
    const fits = validate(JSON.parse(value));
    const problems = fits
      ? []
      : (validate.errors ?? []).slice(0, 8).map((one) => ({ path: one.instancePath, message: one.message ?? "does not fit" }));
    parentPort?.postMessage({ problems });
  } catch (thrown) {
    parentPort?.postMessage({ failed: thrown instanceof Error ? thrown.message.slice(0, 300) : "it cannot be compiled" });
  }
});
parentPort?.postMessage({ ready: true });
