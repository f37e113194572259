import { open } from "node:fs/promises";
import { type Call, errorInfo, PlinthError, type Provider } from "@plinth/sdk";
import { ownersOnly } from "./owner.ts";

/** A packed extension on this machine. */
export const archiveSource: Provider<"plinth.plugin-source"> = {
  async fetch({ spec: path, into }, call: Call) {
    ownersOnly(call);
    const { ARCHIVE_LIMITS, extractArchive, integrityOf } = await import("@plinth/registry");
    const bytes = await readBounded(path, ARCHIVE_LIMITS.totalBytes);
    await extractArchive(bytes, into, { signal: call.signal });
    return { source: `archive:${path}`, integrity: integrityOf(bytes) };
  },
};

async function readBounded(path: string, most: number): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw unreadable(path, errorInfo(error).message);
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw unreadable(path, "it is not a file");
    if (stat.size > most) throw unreadable(path, `it is larger than ${most / 1_048_576} MiB`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function unreadable(path: string, why: string): PlinthError {
  return new PlinthError("PLINTH_ARCHIVE_FORMAT", `The archive ${path} cannot be read: ${why}.`, {
    next: "Check the path; archives are made with `plinth pack`.",
  });
}
