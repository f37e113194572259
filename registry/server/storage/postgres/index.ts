import type { Storage } from "../types.ts";
import { publisherStore, tokenStore, userStore } from "./accounts.ts";
import { connect } from "./connection.ts";
import { downloadStore } from "./downloads.ts";
import { allowedNames, auditStore, findingStore, pendingStore, reportStore } from "./journal.ts";
import { packageStore } from "./packages.ts";
import { migrate } from "./schema.ts";

/** @param url see connect. */
export async function openPostgres(url: string): Promise<Storage> {
  const database = await connect(url);
  try {
    await migrate(database);
  } catch (error) {
    await database.close();
    throw error;
  }
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
    close: () => database.close(),
  };
}
