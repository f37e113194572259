import { PlinthError } from "@plinth/manifests/wire/error.ts";
import type { Database } from "./connection.ts";

/** Any number that nothing else in the database locks. */
const LOCK = 7_465_203_118;

/**
 * Each step brings a database from its position in this list to the next; steps are never edited once released. What is
 * ordered is compared by bytes, as SQLite does, whatever the database's language is.
 */
const STEPS = [
  `create table tokens (
     id text primary key, "user" text not null, label text not null, scopes text not null, packages text not null,
     hash bytea not null, created_at text collate "C" not null, expires_at text not null, revoked_at text, last_used_at text);
   create index tokens_user on tokens ("user");
   create table publishers (
     name text primary key, skeleton text not null, domain text, banned_for text, created_at text not null);
   create index publishers_skeleton on publishers (skeleton);
   create table owners (publisher text not null, "user" text collate "C" not null, primary key (publisher, "user"));
   create table packages (
     id text collate "C" primary key, publisher text not null, skeleton text not null, version text not null,
     title text not null, description text not null, updated_at text not null, contracts text not null, permissions text not null,
     readme text not null, downloads bigint not null default 0, facets text[] not null, words tsvector not null);
   create index packages_publisher on packages (publisher);
   create index packages_skeleton on packages (skeleton);
   create index packages_downloads on packages (downloads desc, id);
   create index packages_words on packages using gin (words);
   create index packages_facets on packages using gin (facets);
   create table downloads (
     id text not null, version text not null, day text collate "C" not null, count bigint not null, primary key (id, version, day));
   create table audit (
     sequence bigint generated always as identity primary key, at text not null, "user" text not null, token_id text,
     address text not null, action text not null, subject text not null, detail text);
   create index audit_subject on audit (subject, sequence);
   create table reports (
     id bigint generated always as identity primary key, at text not null, package text not null, version text, reason text not null,
     detail text not null, address text not null, resolved_at text, resolution text);
   create index reports_open on reports ((resolved_at is null), id);
   create index reports_address on reports (address) where resolved_at is null;
   create table allowed_names (name text primary key);
   create table pending (id text collate "C" primary key);
   create table findings (id text not null, version text not null, findings text not null, primary key (id, version));`,
  `alter table tokens add column parent text;
   create index tokens_parent on tokens (parent);
   create table users (name text primary key, proof text not null, created_at text not null);
   insert into users select named."user", 'operator', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
     from (select "user" from tokens union select "user" from owners) named;`,
];

/** Make the tables, or bring them up to date. Services that start at once wait for each other. */
export async function migrate(database: Database): Promise<void> {
  await database.transaction(async (query) => {
    await query("select pg_advisory_xact_lock($1)", [LOCK]);
    await query("create table if not exists registry_schema (version integer not null)");
    const version = Number((await query("select coalesce(max(version), 0) as version from registry_schema")).rows[0]!.version);
    if (version > STEPS.length) {
      throw new PlinthError("PLINTH_REGISTRY_DATA", "The registry's data in its Postgres database was written by a newer version.", {
        next: "Run the newer version, or restore a backup.",
      });
    }
    for (const [index, step] of STEPS.entries()) {
      if (index < version) continue;
      await query(step);
      await query("insert into registry_schema (version) values ($1)", [index + 1]);
    }
  });
}
