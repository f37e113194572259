import type { DatabaseSync } from "node:sqlite";
import { transaction } from "./database.ts";
import { publisherOf, tokenOf } from "./rows.ts";
import type { PublisherStore, TokenStore } from "./types.ts";

export function tokenStore(database: DatabaseSync): TokenStore {
  const insert = database.prepare(
    "insert into tokens (id, user, label, scopes, packages, hash, created_at, expires_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const one = database.prepare("select * from tokens where id = ?");
  const all = database.prepare("select * from tokens where ? is null or user = ? order by created_at desc, id");
  const revoke = database.prepare("update tokens set revoked_at = ? where id = ? and revoked_at is null");
  const used = database.prepare("update tokens set last_used_at = ? where id = ?");
  return {
    async add(token, hash) {
      insert.run(token.id, token.user, token.label, token.scopes.join(" "), token.packages.join(" "), hash, token.createdAt, token.expiresAt);
    },
    async find(id) {
      const row = one.get(id);
      return row === undefined ? undefined : { token: tokenOf(row), hash: row.hash as Uint8Array };
    },
    list: async (user) => all.all(user ?? null, user ?? null).map(tokenOf),
    revoke: async (id, at) => revoke.run(at, id).changes > 0,
    async used(id, at) {
      used.run(at, id);
    },
  };
}

export function publisherStore(database: DatabaseSync): PublisherStore {
  const insert = database.prepare("insert into publishers (name, skeleton, domain, created_at) values (?, ?, ?, ?)");
  const one = database.prepare("select * from publishers where name = ?");
  const owners = database.prepare("select user from owners where publisher = ? order by user");
  const alike = database.prepare("select name from publishers where skeleton = ?");
  const addOwner = database.prepare("insert or ignore into owners (publisher, user) values (?, ?)");
  const removeOwner = database.prepare("delete from owners where publisher = ? and user = ?");
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
