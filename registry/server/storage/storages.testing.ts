/** Each storage that there is, for tests that hold for all of them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openConfiguredStorage, type Storage } from "./index.ts";
import { postgresPrograms, startPostgres, type TestPostgres } from "./postgres.testing.ts";

/** A place to keep things; opened again, it has them still. */
export interface Place {
  dataDir: string;
  database?: string;
}

export interface StorageKind {
  name: string;
  place(): Promise<Place>;
}

const folders: string[] = [];
let postgres: Promise<TestPostgres> | undefined;

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "plinth-storage-"));
  folders.push(made);
  return made;
}

const sqlite: StorageKind = { name: "SQLite", place: async () => ({ dataDir: await folder() }) };

export const onPostgres: StorageKind[] =
  postgresPrograms === undefined
    ? []
    : [
        {
          name: "Postgres",
          async place() {
            postgres ??= startPostgres(postgresPrograms!);
            return { dataDir: await folder(), database: await (await postgres).database() };
          },
        },
      ];

if (onPostgres.length === 0) console.warn("No Postgres is on this machine: what tests the registry on Postgres is skipped.");

export const storageKinds: readonly StorageKind[] = [sqlite, ...onPostgres];

export const openPlace = ({ dataDir, database }: Place): Promise<Storage> => openConfiguredStorage(dataDir, database);

/** After all tests of a file. */
export async function removePlaces(): Promise<void> {
  await (await postgres)?.stop();
  postgres = undefined;
  for (const one of folders.splice(0)) await rm(one, { recursive: true, force: true });
}
