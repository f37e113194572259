import { chainOf, publisherOf, tokenOf, userOf } from "../rows.ts";
import { MAX_LINEAGE, type PublisherStore, type Token, type TokenStore, type UserStore } from "../types.ts";
import type { Database } from "./connection.ts";

type Query = Database["query"];

const INSERT = `insert into tokens (id, parent, "user", label, scopes, packages, hash, created_at, expires_at)
  select $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::bytea, $8::text, $9::text
  where $2::text is null or exists (select 1 from tokens where id = $2 and revoked_at is null for share)`;
const LINE = `with recursive line as (
    select t.*, 0 as depth from tokens t where id = $1
    union all select t.*, line.depth + 1 from tokens t join line on t.id = line.parent where line.depth < ${MAX_LINEAGE})
  select * from line order by depth`;
const REVOKE = `with recursive below (id) as (select $1::text union select t.id from tokens t join below on t.parent = below.id)
  update tokens set revoked_at = $2 where revoked_at is null and id in (select id from below) returning id`;

async function add(query: Query, token: Token, hash: Uint8Array): Promise<boolean> {
  const { id, parent, user, label, scopes, packages, createdAt, expiresAt } = token;
  const values = [id, parent ?? null, user, label, scopes.join(" "), packages.join(" "), hash, createdAt, expiresAt];
  return (await query(INSERT, values)).changes > 0;
}

const end = async (query: Query, id: string, at: string): Promise<boolean> => (await query(REVOKE, [id, at])).rows.some((row) => row.id === id);

export function tokenStore({ query, transaction }: Database): TokenStore {
  return {
    add: (token, hash) => add(query, token, hash),
    find: async (id) => chainOf((await query(LINE, [id])).rows),
    async list(user) {
      const { rows } = await query('select * from tokens where $1::text is null or "user" = $1 order by created_at desc, id collate "C"', [
        user ?? null,
      ]);
      return rows.map(tokenOf);
    },
    async children(id, at) {
      const { rows } = await query("select count(*) as count from tokens where parent = $1 and revoked_at is null and expires_at > $2", [id, at]);
      return Number(rows[0]!.count);
    },
    revoke: (id, at) => end(query, id, at),
    replace: (id, at, token, hash) => transaction(async (query) => (await end(query, id, at)) && add(query, token, hash)),
    async used(id, at) {
      await query("update tokens set last_used_at = $2 where id = $1", [id, at]);
    },
  };
}

export function userStore({ query }: Database): UserStore {
  return {
    async claim({ name, proof, createdAt }) {
      return (
        (await query("insert into users (name, proof, created_at) values ($1, $2, $3) on conflict do nothing", [name, proof, createdAt])).changes > 0
      );
    },
    async find(name) {
      const [row] = (await query("select * from users where name = $1", [name])).rows;
      return row === undefined ? undefined : userOf(row);
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
      return transaction(async (query) => {
        await query("select 1 from publishers where name = $1 for update", [name]);
        const others = 'exists (select 1 from owners where publisher = $1 and "user" <> $2)';
        return (await query(`delete from owners where publisher = $1 and "user" = $2 and ${others}`, [name, user])).changes > 0;
      });
    },
    async setDomain(name, domain) {
      await query("update publishers set domain = $2 where name = $1", [name, domain]);
    },
    async setBan(name, reason) {
      await query("update publishers set banned_for = $2 where name = $1", [name, reason ?? null]);
    },
  };
}
