import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Nobody's state: compiled code, locks, the record of decisions, what a database keeps beside it. */
const LEFT_OUT =
  /^(cache|workspace)(\/|$)|^host(\/(running|writers\.db(-journal)?|self-test\.json|boots\.json|faults\.json))?$|^state(\/plinth\.[^/]+|\/plinth\.(audit-log|sessions|loop-watch|runs)\/.*)?$|\.db(-wal|-shm)?$|^state\/plinth\.plugins\/staging(\/|$)|^host\/config(\/\d{6}[^/]*)?$/;

/** What a home holds as far as it says what is installed, allowed and configured, and every other name in it. */
export interface HomeState {
  names: string[];
  config: string;
  lock: string;
  grants: Record<string, object>;
  records: string[];
  removed: string[];
  values: string[];
}

export async function homeState(home: string): Promise<HomeState> {
  const found = await readdir(home, { recursive: true, withFileTypes: true });
  const names = found.map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(home.length + 1)
      .split(sep)
      .join("/"),
  );
  const text = (name: string): Promise<string> => readFile(join(home, name), "utf8").catch(() => "");
  const { grants = {}, records = [], removed = [], lock = "" } = JSON.parse((await text("installed.json")) || "{}");
  // Nothing at all may be put down as nothing, or not at all.
  const isNothing = records.length === 0 && removed.length === 0 && Object.keys(grants).length === 0;
  if (!isNothing && lock !== (await text("plinth.lock"))) names.push("plinth.lock: not what was committed");
  // When it was said and how is another thing with each try.
  for (const grant of Object.values(grants) as { at?: number; expiresAt?: number }[]) {
    delete grant.at;
    if (grant.expiresAt !== undefined) grant.expiresAt = 1;
  }
  return {
    names: names.filter((name) => !LEFT_OUT.test(name) && !(isNothing && ["installed.json", "plinth.lock", "store"].includes(name))).sort(),
    config: await text("plinth.json"),
    lock: isNothing ? "" : lock,
    grants,
    records: records.map(({ manifest }: { manifest: { id: string; version: string } }) => `${manifest.id} ${manifest.version}`).sort(),
    removed,
    // What waits for a consent is looked at by `staged`; what was learned of registries and keys is no state of a package.
    values: valuesIn(home).filter((key) => !/ (pending|seen|pin|trust)\//.test(key)),
  };
}

/** Folders of packages that wait for a consent, and those that nobody will ever confirm. */
export async function staged(home: string): Promise<{ waiting: string[]; left: string[] }> {
  const names = await readdir(join(home, "state/plinth.plugins/staging")).catch(() => []);
  const pending = valuesIn(home, true).join("\n");
  return { waiting: names.filter((name) => pending.includes(name)), left: names.filter((name) => !pending.includes(name)) };
}

function valuesIn(home: string, whole = false): string[] {
  try {
    const db = new DatabaseSync(join(home, "state/plinth.store-sqlite/store.db"), { readOnly: true });
    const rows = db.prepare("SELECT space, key, value FROM kv ORDER BY space, key").all() as { space: string; key: string; value: string }[];
    db.close();
    return rows.map(({ space, key, value }) => `${space} ${key}${whole || key.startsWith("previous/") ? ` ${versionsIn(value, whole)}` : ""}`);
  } catch {
    return [];
  }
}

const versionsIn = (value: string, whole: boolean): string =>
  whole ? value : [...value.matchAll(/"version":"([^"]+)"/g)].map(([, version]) => version).join(" ");
