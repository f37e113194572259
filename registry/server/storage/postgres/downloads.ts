import type { DownloadStore } from "../types.ts";
import type { Database } from "./connection.ts";

const MAX_DAYS = 90;
const LOCK = 7_465_203_119;

/** Who counts downloads or sums them up holds this: no sum is written over a newer one. */
export async function holdCounts(query: Database["query"]): Promise<void> {
  await query("select pg_advisory_xact_lock($1)", [LOCK]);
}

export function downloadStore({ query, transaction }: Database): DownloadStore {
  return {
    async add(counts) {
      const all = [...counts];
      if (all.length === 0) return;
      const columns = [all.map(({ id }) => id), all.map(({ version }) => version), all.map(({ day }) => day), all.map(({ count }) => count)];
      await transaction(async (query) => {
        await holdCounts(query);
        await query(
          `insert into downloads (id, version, day, count)
           select id, version, day, sum(count) from unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) as added (id, version, day, count)
           group by id, version, day
           on conflict (id, version, day) do update set count = downloads.count + excluded.count`,
          columns,
        );
        await query(
          `update packages p set downloads = p.downloads + added.count
           from (select id, sum(count) as count from unnest($1::text[], $2::bigint[]) as one (id, count) group by id) added
           where p.id = added.id`,
          [columns[0], columns[3]],
        );
      });
    },
    async of(id) {
      const versions = await query("select version, sum(count) as count from downloads where id = $1 group by version order by version", [id]);
      const days = await query("select day, sum(count) as count from downloads where id = $1 group by day order by day desc limit $2", [
        id,
        MAX_DAYS,
      ]);
      const byVersion = Object.fromEntries(versions.rows.map(({ version, count }) => [String(version), Number(count)]));
      return {
        total: Object.values(byVersion).reduce((sum, count) => sum + count, 0),
        versions: byVersion,
        days: Object.fromEntries(days.rows.map(({ day, count }) => [String(day), Number(count)])),
      };
    },
  };
}
