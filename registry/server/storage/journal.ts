import type { DatabaseSync } from "node:sqlite";
import { transaction } from "./database.ts";
import { eventOf, reportOf } from "./rows.ts";
import type { AllowedNames, AuditStore, DownloadStore, FindingStore, PendingStore, ReportStore } from "./types.ts";

const MAX_DAYS = 90;

export function downloadStore(database: DatabaseSync): DownloadStore {
  const add = database.prepare(
    "insert into downloads (id, version, day, count) values (?, ?, ?, ?) on conflict do update set count = count + excluded.count",
  );
  const total = database.prepare("update packages set downloads = downloads + ? where id = ?");
  const versions = database.prepare("select version, sum(count) as count from downloads where id = ? group by version");
  const days = database.prepare("select day, sum(count) as count from downloads where id = ? group by day order by day desc limit ?");
  return {
    async add(counts) {
      transaction(database, () => {
        for (const { id, version, day, count } of counts) {
          add.run(id, version, day, count);
          total.run(count, id);
        }
      });
    },
    async of(id) {
      const byVersion = Object.fromEntries(versions.all(id).map(({ version, count }) => [String(version), Number(count)]));
      return {
        total: Object.values(byVersion).reduce((sum, count) => sum + count, 0),
        versions: byVersion,
        days: Object.fromEntries(days.all(id, MAX_DAYS).map(({ day, count }) => [String(day), Number(count)])),
      };
    },
  };
}

/** Append-only: there is no way here to change or remove an event. */
export function auditStore(database: DatabaseSync): AuditStore {
  const add = database.prepare("insert into audit (at, user, token_id, address, action, subject, detail) values (?, ?, ?, ?, ?, ?, ?)");
  const list = database.prepare(
    "select * from audit where (?1 is null or subject = ?1) and (?2 is null or sequence < ?2) order by sequence desc limit ?3",
  );
  return {
    async add(event) {
      add.run(event.at, event.user, event.tokenId ?? null, event.address, event.action, event.subject, event.detail ?? null);
    },
    list: async ({ subject, before, limit }) => list.all(subject ?? null, before ?? null, limit).map(eventOf),
  };
}

export function reportStore(database: DatabaseSync): ReportStore {
  const add = database.prepare("insert into reports (at, package, version, reason, detail, address) values (?, ?, ?, ?, ?, ?)");
  const list = database.prepare("select * from reports where (resolved_at is null) = ? order by id limit ?");
  const resolve = database.prepare("update reports set resolved_at = ?, resolution = ? where id = ? and resolved_at is null");
  const open = database.prepare("select count(*) as count from reports where address = ? and resolved_at is null");
  return {
    add: async (report) =>
      Number(add.run(report.at, report.package, report.version ?? null, report.reason, report.detail, report.address).lastInsertRowid),
    list: async ({ open: isOpen, limit }) => list.all(isOpen ? 1 : 0, limit).map(reportOf),
    resolve: async (id, resolution, at) => resolve.run(at, resolution, id).changes > 0,
    countOpen: async (address) => Number(open.get(address)!.count),
  };
}

export function allowedNames(database: DatabaseSync): AllowedNames {
  const has = database.prepare("select 1 as found from allowed_names where name = ?");
  const add = database.prepare("insert or ignore into allowed_names (name) values (?)");
  return {
    has: async (name) => has.get(name) !== undefined,
    async add(name) {
      add.run(name);
    },
  };
}

export function findingStore(database: DatabaseSync): FindingStore {
  const put = database.prepare("insert or replace into findings (id, version, findings) values (?, ?, ?)");
  const one = database.prepare("select findings from findings where id = ? and version = ?");
  return {
    async put(id, version, findings) {
      put.run(id, version, JSON.stringify(findings));
    },
    async of(id, version) {
      const row = one.get(id, version);
      return row === undefined ? undefined : JSON.parse(String(row.findings));
    },
  };
}

export function pendingStore(database: DatabaseSync): PendingStore {
  const add = database.prepare("insert or ignore into pending (id) values (?)");
  const list = database.prepare("select id from pending order by id");
  const remove = database.prepare("delete from pending where id = ?");
  return {
    async add(id) {
      add.run(id);
    },
    list: async () => list.all().map(({ id }) => String(id)),
    async remove(ids) {
      transaction(database, () => {
        for (const id of ids) remove.run(id);
      });
    },
  };
}
