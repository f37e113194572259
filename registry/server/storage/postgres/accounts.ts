import { publisherOf, tokenOf } from "../rows.ts";
import type { PublisherStore, TokenStore } from "../types.ts";
import type { Database } from "./connection.ts";

export function tokenStore({ query }: Database): TokenStore {
  return {
    async add(token, hash) {
      await query('insert into tokens (id, "user", label, scopes, packages, hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)', [
        token.id,
        token.user,
        token.label,
        token.scopes.join(" "),
        token.packages.join(" "),
        hash,
        token.createdAt,
        token.expiresAt,
      ]);
    },
    async find(id) {
      const [row] = (await query("select * from tokens where id = $1", [id])).rows;
      return row === undefined ? undefined : { token: tokenOf(row), hash: row.hash as Uint8Array };
    },
    async list(user) {
      const { rows } = await query('select * from tokens where $1::text is null or "user" = $1 order by created_at desc, id collate "C"', [
        user ?? null,
      ]);
      return rows.map(tokenOf);
    },
    revoke: async (id, at) => (await query("update tokens set revoked_at = $2 where id = $1 and revoked_at is null", [id, at])).changes > 0,
    async used(id, at) {
      await query("update tokens set last_used_at = $2 where id = $1", [id, at]);
    },
  };
}

export function publisherStore({ query, transaction }: Database): PublisherStore {
  return {
    async add(publisher, skeleton) {
      await transaction(async (query) => {
        await query("insert into publishers (name, skeleton, domain, created_at) values ($1, $2, $3, $4)", [
          publisher.name,
          skeleton,
          publisher.domain ?? null,
          publisher.createdAt,
        ]);
        await query('insert into owners (publisher, "user") select $1, unnest($2::text[]) on conflict do nothing', [
          publisher.name,
          publisher.owners,
        ]);
      });
    },
    async find(name) {
      const [row] = (
        await query(
          `select p.*, array(select o."user" from owners o where o.publisher = p.name order by o."user") as owners
           from publishers p where p.name = $1`,
          [name],
        )
      ).rows;
      return row === undefined ? undefined : publisherOf(row, row.owners as string[]);
    },
    async bySkeleton(skeleton) {
      return (await query("select name from publishers where skeleton = $1", [skeleton])).rows.map(({ name }) => String(name));
    },
    async addOwner(name, user) {
      return (await query('insert into owners (publisher, "user") values ($1, $2) on conflict do nothing', [name, user])).changes > 0;
    },
    async removeOwner(name, user) {
      return (await query('delete from owners where publisher = $1 and "user" = $2', [name, user])).changes > 0;
    },
    async setDomain(name, domain) {
      await query("update publishers set domain = $2 where name = $1", [name, domain]);
    },
    async setBan(name, reason) {
      await query("update publishers set banned_for = $2 where name = $1", [name, reason ?? null]);
    },
  };
}
