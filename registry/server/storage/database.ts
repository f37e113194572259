import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolders } from "@plinth/manifests/home/folders.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

const FILE = "registry.sqlite";
/** Each step brings a database from its position in this list to the next; steps are never edited once released. */
const STEPS = [
  `create table tokens (
     id text primary key, user text not null, label text not null, scopes text not null, packages text not null,
     hash blob not null, created_at text not null, expires_at text not null, revoked_at text, last_used_at text) strict;
   create index tokens_user on tokens (user);
   create table publishers (
     name text primary key, skeleton text not null, domain text, banned_for text, created_at text not null) strict;
   create index publishers_skeleton on publishers (skeleton);
   create table owners (publisher text not null, user text not null, primary key (publisher, user)) strict, without rowid;
   create table packages (
     number integer primary key, id text not null unique, publisher text not null, skeleton text not null, version text not null,
     title text not null, description text not null, updated_at text not null, contracts text not null, permissions text not null,
     readme text not null, downloads integer not null default 0) strict;
   create index packages_publisher on packages (publisher);
   create index packages_skeleton on packages (skeleton);
   create index packages_downloads on packages (downloads desc, id);
   create table facets (kind text not null, value text not null, package integer not null, primary key (kind, value, package)) strict, without rowid;
   create index facets_package on facets (package);
   create virtual table words using fts5 (
     name, publisher, title, provides, description, content='', contentless_delete=1, prefix='2 3',
     tokenize="unicode61 remove_diacritics 2");
   create table settled (number integer primary key) strict;
   create table downloads (
     id text not null, version text not null, day text not null, count integer not null, primary key (id, version, day)) strict, without rowid;
   create table audit (
     sequence integer primary key, at text not null, user text not null, token_id text, address text not null,
     action text not null, subject text not null, detail text) strict;
   create index audit_subject on audit (subject, sequence);
   create table reports (
     id integer primary key, at text not null, package text not null, version text, reason text not null, detail text not null,
     address text not null, resolved_at text, resolution text) strict;
   create index reports_open on reports (resolved_at, id);
   create table allowed_names (name text primary key) strict, without rowid;
   create table pending (id text primary key) strict, without rowid;
   create table findings (id text not null, version text not null, findings text not null, primary key (id, version)) strict, without rowid;`,
  `alter table tokens add column parent text;
   create index tokens_parent on tokens (parent);
   create table users (name text primary key, proof text not null, created_at text not null) strict, without rowid;
   insert into users select user, 'operator', strftime('%Y-%m-%dT%H:%M:%fZ') from tokens union select user, 'operator', strftime('%Y-%m-%dT%H:%M:%fZ') from owners;`,
];

/** Open the registry's database, made and brought up to date as needed. Several processes may have it open. */
export function openDatabase(dir: string): DatabaseSync {
  makeFolders(dir, 0o700);
  const database = new DatabaseSync(join(dir, FILE));
  database.exec("pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 5000; pragma cache_size = -32000;");
  transaction(database, () => {
    const version = Number(database.prepare("pragma user_version").get()!.user_version);
    if (version > STEPS.length) {
      throw new PlinthError("PLINTH_REGISTRY_DATA", `The registry's data in ${dir} was written by a newer version.`, {
        next: "Run the newer version, or restore a backup.",
      });
    }
    for (const step of STEPS.slice(version)) database.exec(step);
    database.exec(`pragma user_version = ${STEPS.length}`);
  });
  return database;
}

/** All of it or nothing. The body is synchronous, so that nothing comes between. */
export function transaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec("begin immediate");
  try {
    const result = body();
    database.exec("commit");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("rollback");
    throw error;
  }
}
