import { pathToFileURL } from "node:url";
import { owned } from "./errors.ts";
import type { Host } from "./host.ts";

/**
 * Errors that nobody waits for: thrown in a timer, or in a promise without a handler. In the host tier such a one would
 * end the host. It is owned by the extension whose code the stack names first; what is nobody's still ends the process.
 */
export function ownStrays(host: Host): () => void {
  const stray = (thrown: unknown, origin: string): void => {
    const record = ownerOf(host, String((thrown as Error | null)?.stack));
    const log = host.logs.of(record?.manifest.id ?? "host");
    log.error(`an error that nobody waits for (${origin}): ${String((thrown as Error | null)?.message ?? thrown)}`);
    if (record === undefined && origin === "uncaughtException") process.exit(1);
    if (record === undefined) return;
    const instance = host.current.instances.get(record.manifest.id);
    if (instance === undefined) return;
    instance.counts.errors++;
    instance.lastError = owned(thrown, record.manifest.id);
  };
  process.on("uncaughtException", stray);
  const onRejection = (thrown: unknown): void => stray(thrown, "unhandledRejection");
  process.on("unhandledRejection", onRejection);
  return () => {
    process.off("uncaughtException", stray);
    process.off("unhandledRejection", onRejection);
  };
}

function ownerOf(host: Host, stack: string): Host["state"]["records"][number] | undefined {
  for (const line of stack.split("\n").slice(1)) {
    const found = host.state.records.find(
      ({ manifest: { id }, dir, bundled }) =>
        line.includes(bundled ? `${pathToFileURL(dir).href}/` : `;extension=${id};`) || line.includes(`${dir}/`),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}
