import type { DatabaseSync } from "node:sqlite";
import { transaction } from "./database.ts";
import { chainOf, publisherOf, tokenOf, userOf } from "./rows.ts";
import { MAX_LINEAGE, type PublisherStore, type Token, type TokenStore, type UserStore } from "./types.ts";

export function tokenStore(database: DatabaseSync): TokenStore {
  const insert = database.prepare(
    `insert into tokens (id, parent, user, label, scopes, packages, hash, created_at, expires_at) select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
     where ?2 is null or exists (select 1 from tokens where id = ?2 and revoked_at is null)`,
  );
  const line = database.prepare(
    `with recursive line as (
       select *, 0 as depth from tokens where id = ?
       union all select t.*, line.depth + 1 from tokens t join line on t.id = line.parent where line.depth < ${MAX_LINEAGE})
     select * from line order by depth`,
  );
  const all = database.prepare("select * from tokens where ? is null or user = ? order by created_at desc, id");
  const children = database.prepare("select count(*) as count from tokens where parent = ? and revoked_at is null and expires_at > ?");
  const revoke = database.prepare(
    `with recursive below (id) as (select ?1 union select t.id from tokens t join below on t.parent = below.id)
     update tokens set revoked_at = ?2 where revoked_at is null and id in (select id from below) returning id`,
  );
  const used = database.prepare("update tokens set last_used_at = ? where id = ?");
  const add = ({ id, parent, user, label, scopes, packages, createdAt, expiresAt }: Token, hash: Uint8Array): boolean =>
    insert.run(id, parent ?? null, user, label, scopes.join(" "), packages.join(" "), hash, createdAt, expiresAt).changes > 0;
  const end = (id: string, at: string): boolean => revoke.all(id, at).some((row) => row.id === id);
  return {
    add: async (token, hash) => add(token, hash),
    find: async (id) => chainOf(line.all(id)),
    list: async (user) => all.all(user ?? null, user ?? null).map(tokenOf),
    children: async (id, at) => Number(children.get(id, at)!.count),
    revoke: async (id, at) => transaction(database, () => end(id, at)),
    replace: async (id, at, token, hash) => transaction(database, () => end(id, at) && add(token, hash)),
    async used(id, at) {
      used.run(at, id);
    },
  };
}

export function userStore(database: DatabaseSync): UserStore {
  const claim = database.prepare("insert or ignore into users (name, proof, created_at) values (?, ?, ?)");
  const one = database.prepare("select * from users where name = ?");
  return {
    claim: async ({ name, proof, createdAt }) => claim.run(name, proof, createdAt).changes > 0,
    async find(name) {
      const row = one.get(name);
      return row === undefined ? undefined : userOf(row);
    },
  };
}

export function publisherStore(database: DatabaseSync): PublisherStore {
  const insert = database.prepare("insert into publishers (name, skeleton, domain, created_at) values (?, ?, ?, ?)");
  const one = database.prepare("select * from publishers where name = ?");
  const owners = database.prepare("select user from owners where publisher = ? order by user");
  const alike = database.prepare("select name from publishers where skeleton = ?");
  const addOwner = database.prepare("insert or ignore into owners (publisher, user) values (?, ?)");
  const removeOwner = database.prepare(
    "delete from owners where publisher = ?1 and user = ?2 and exists (select 1 from owners where publisher = ?1 and user <> ?2)",
  );
  const domain = database.prepare("update publishers set domain = ? where name = ?");
  const ban = database.prepare("update publishers set banned_for = ? where name = ?");
  return {
    async add(publisher, skeleton) {
      transaction(database, () => {
        insert.run(publisher.name, skeleton, publisher.domain ?? null, publisher.createdAt);
        for (const user of publisher.owners) addOwner.run(publisher.name, user);
      });
    },
    async find(name) {
      const row = one.get(name);
      return row === undefined
        ? undefined
        : publisherOf(
            row,
            owners.all(name).map(({ user }) => user),
          );
    },
    bySkeleton: async (skeleton) => alike.all(skeleton).map(({ name }) => String(name)),
    addOwner: async (name, user) => addOwner.run(name, user).changes > 0,
    removeOwner: async (name, user) => removeOwner.run(name, user).changes > 0,
    async setDomain(name, value) {
      domain.run(value, name);
    },
    async setBan(name, reason) {
      ban.run(reason ?? null, name);
    },
  };
}
