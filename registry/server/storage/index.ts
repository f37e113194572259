import { publisherStore, tokenStore, userStore } from "./accounts.ts";
import { openDatabase } from "./database.ts";
import { allowedNames, auditStore, downloadStore, findingStore, pendingStore, reportStore } from "./journal.ts";
import { packageStore } from "./packages.ts";
import type { Storage } from "./types.ts";

export * from "./types.ts";

/** @param dir the service's own folder, never below the folder that is served. */
export function openStorage(dir: string): Storage {
  const database = openDatabase(dir);
  return {
    tokens: tokenStore(database),
    users: userStore(database),
    publishers: publisherStore(database),
    packages: packageStore(database),
    downloads: downloadStore(database),
    audit: auditStore(database),
    reports: reportStore(database),
    allowedNames: allowedNames(database),
    findings: findingStore(database),
    pending: pendingStore(database),
    close: async () => database.close(),
  };
}

/** @param database postgres://…; without one, SQLite in `dir`. Who has no Postgres loads nothing of it. */
export async function openConfiguredStorage(dir: string, database: string | undefined): Promise<Storage> {
  if (database === undefined || database === "") return openStorage(dir);
  const { openPostgres } = await import("./postgres/index.ts");
  return openPostgres(database);
}
