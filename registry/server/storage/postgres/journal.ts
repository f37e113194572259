import { eventOf, reportOf } from "../rows.ts";
import type { AllowedNames, AuditStore, FindingStore, PendingStore, ReportStore } from "../types.ts";
import type { Database } from "./connection.ts";

/** Append-only: there is no way here to change or remove an event. */
export function auditStore({ query }: Database): AuditStore {
  return {
    async add({ at, user, tokenId, address, action, subject, detail }) {
      await query('insert into audit (at, "user", token_id, address, action, subject, detail) values ($1, $2, $3, $4, $5, $6, $7)', [
        at,
        user,
        tokenId ?? null,
        address,
        action,
        subject,
        detail ?? null,
      ]);
    },
    async list({ subject, before, limit }) {
      const { rows } = await query(
        `select * from audit where ($1::text is null or subject = $1) and ($2::bigint is null or sequence < $2)
         order by sequence desc limit $3`,
        [subject ?? null, before === undefined ? null : Math.min(before, Number.MAX_SAFE_INTEGER), limit],
      );
      return rows.map(eventOf);
    },
  };
}

export function reportStore({ query }: Database): ReportStore {
  return {
    async add(report) {
      const { rows } = await query(
        "insert into reports (at, package, version, reason, detail, address) values ($1, $2, $3, $4, $5, $6) returning id",
        [report.at, report.package, report.version ?? null, report.reason, report.detail, report.address],
      );
      return Number(rows[0]!.id);
    },
    async list({ open, limit }) {
      return (await query("select * from reports where (resolved_at is null) = $1 order by id limit $2", [open, limit])).rows.map(reportOf);
    },
    async resolve(id, resolution, at) {
      if (!Number.isSafeInteger(id)) return false;
      return (
        (await query("update reports set resolved_at = $3, resolution = $2 where id = $1 and resolved_at is null", [id, resolution, at])).changes > 0
      );
    },
    async countOpen(address) {
      return Number((await query("select count(*) as count from reports where address = $1 and resolved_at is null", [address])).rows[0]!.count);
    },
  };
}

export function allowedNames({ query }: Database): AllowedNames {
  return {
    has: async (name) => (await query("select 1 from allowed_names where name = $1", [name])).rows.length > 0,
    async add(name) {
      await query("insert into allowed_names (name) values ($1) on conflict do nothing", [name]);
    },
  };
}

export function findingStore({ query }: Database): FindingStore {
  return {
    async put(id, version, findings) {
      await query(
        `insert into findings (id, version, findings) values ($1, $2, $3)
         on conflict (id, version) do update set findings = excluded.findings`,
        [id, version, JSON.stringify(findings)],
      );
    },
    async of(id, version) {
      const [row] = (await query("select findings from findings where id = $1 and version = $2", [id, version])).rows;
      return row === undefined ? undefined : JSON.parse(String(row.findings));
    },
  };
}

export function pendingStore({ query }: Database): PendingStore {
  return {
    async add(id) {
      await query("insert into pending (id) values ($1) on conflict do nothing", [id]);
    },
    list: async () => (await query("select id from pending order by id")).rows.map(({ id }) => String(id)),
    async remove(ids) {
      await query("delete from pending where id = any($1::text[])", [ids]);
    },
  };
}
