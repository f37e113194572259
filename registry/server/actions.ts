import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { makeFolders } from "@plinth/manifests/home/folders.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import { ROOT_FILE } from "../layout.ts";
import { RegistryFolder } from "../registry-folder.ts";
import { generateRoleKeys, RegistryTrust, readRoleKeys, writeRoleKeys } from "../trust/index.ts";
import type { Output } from "./command-output.ts";
import type { Result, Values } from "./command-shape.ts";
import { RATE_LIMITS } from "./rate-limits.ts";
import { registerKnownPublishers, reindex } from "./reindex.ts";
import { startRegistryServer } from "./server.ts";
import { openConfiguredStorage, SCOPES, type Scope, type Storage } from "./storage/index.ts";
import { Tokens } from "./tokens.ts";

export async function init(values: Values): Promise<Result> {
  const { dir, dataDir, keys } = foldersOf(values);
  if (existsSync(join(dir, ROOT_FILE)) && existsSync(keys)) {
    throw new PlinthError("PLINTH_REGISTRY_EXISTS", `There is a registry in ${dir} already.`, { next: "Serve it, or choose another folder." });
  }
  const user = userName(values.user ?? "admin");
  makeFolders(dir);
  makeFolders(dirname(keys), 0o700);
  const folder = new RegistryFolder(dir);
  await folder.writeRoot(await folder.root(values.name));
  const roleKeys = generateRoleKeys();
  await writeRoleKeys(keys, roleKeys);
  const trust = await RegistryTrust.open(dir, roleKeys);
  const fingerprint = await trust.fingerprint();
  const made = await withStorage(values, (storage) => {
    const token = { user, label: "first token", scopes: [...SCOPES], packages: ["*"], days: 90 };
    return tokensOf(storage).create(token);
  });
  return {
    text: [
      `The registry is in ${dir}; the service's own folder is ${dataDir}.`,
      `Its fingerprint is ${fingerprint}.`,
      `Token of ${made.token.user}, until ${made.token.expiresAt.slice(0, 10)}, shown once:\n${made.secret}`,
      `next: Keep ${join(keys, "root-1.json")} and ${join(keys, "recovery-1.json")} elsewhere, offline; then run \`plinth-registry serve --dir ${dir}\`.`,
    ].join("\n"),
    data: { dir, dataDir, fingerprint, token: made.secret, expiresAt: made.token.expiresAt },
  };
}

export async function serve(values: Values, _words: readonly string[], out: Output): Promise<Result> {
  const { dir, dataDir, keys } = foldersOf(values);
  const registration = values.registration ?? "token";
  if (registration !== "open" && registration !== "domain" && registration !== "token") throw wrong("--registration takes open, domain or token.");
  const trust = await trustOf(dir, keys, out);
  const read = { ...RATE_LIMITS.policies.read, requests: numberOf(values.reads, "reads", RATE_LIMITS.policies.read.requests, 1e9) };
  const server = await startRegistryServer({
    dir,
    dataDir,
    database: databaseOf(values),
    registration,
    port: numberOf(values.port, "port", 8787, 65_535),
    host: values.host ?? "127.0.0.1",
    proxies: numberOf(values.proxies, "proxies", 0, 16),
    limits: { policies: { ...RATE_LIMITS.policies, read } },
    ...(trust === undefined ? {} : { trust }),
    log: ({ level, message }) => void (level === "error" && out.error(message)),
  });
  const stopped = new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(server.close()));
  });
  return {
    text: `Serving ${dir} at ${server.url}\nnext: Open ${server.url} in a browser; Ctrl-C stops it.`,
    data: { url: server.url, port: server.port, pid: process.pid, dir },
    until: stopped,
  };
}

/** The registry's side of trust; what is damaged in the folder is said. undefined: it has no keys. */
async function trustOf(dir: string, keys: string, out: Output): Promise<RegistryTrust | undefined> {
  if (!existsSync(keys)) {
    out.error("warning: there are no keys; nothing is countersigned or logged. `plinth-registry init` makes them.");
    return undefined;
  }
  const trust = await RegistryTrust.open(dir, await readRoleKeys(keys));
  for (const damage of trust.damaged) out.error(`warning: ${damage}`);
  return trust;
}

export async function createToken(values: Values): Promise<Result> {
  const scopes = (values.scope ?? "publish,yank,owner").split(",");
  const packages = (values.for ?? "*").split(",");
  const unknown = scopes.find((scope) => !SCOPES.includes(scope as Scope));
  if (unknown !== undefined) throw wrong(`There is no scope ${unknown}; there are ${SCOPES.join(", ")}.`);
  const odd = packages.find((pattern) => !/^(\*|[a-z][a-z0-9-]{0,38}\.(\*|[a-z][a-z0-9-]{0,62}))$/.test(pattern));
  if (odd !== undefined) throw wrong(`--for takes *, publisher.* or packages' ids, not ${odd}.`);
  const user = userName(values.user ?? "");
  const request = {
    user,
    label: values.label ?? "made by hand",
    scopes: scopes as Scope[],
    packages,
    days: numberOf(values.days, "days", 90, 3_660),
  };
  return withStorage(values, async (storage) => {
    const known = await storage.users.find(user);
    const { token, secret } = await tokensOf(storage).create(request);
    const lines = [`Token ${token.id} of ${user}, until ${token.expiresAt.slice(0, 10)}, shown once:`, secret];
    if (known?.proof.startsWith("key:")) lines.push(`note: ${user} has the name by a publisher's key; give the token to nobody else.`);
    return { text: lines.join("\n"), data: { token, secret } };
  });
}

export async function listTokens(values: Values): Promise<Result> {
  return withStorage(values, async (storage) => {
    const tokens = (await tokensOf(storage).list(values.user)).map(({ token }) => token);
    const now = new Date().toISOString();
    const state = (token: (typeof tokens)[number]) => (token.revokedAt !== undefined ? "revoked" : token.expiresAt <= now ? "expired" : "in force");
    const rows = tokens.map((token) =>
      [
        token.id,
        (token.parent ?? "").padEnd(16),
        token.user.padEnd(16),
        state(token).padEnd(8),
        token.expiresAt.slice(0, 10),
        token.scopes.join(",").padEnd(24),
        token.packages.join(","),
        token.label,
      ].join("  "),
    );
    const head = ["token".padEnd(16), "made from".padEnd(16), "user".padEnd(16), "state".padEnd(8), "until".padEnd(10), "may".padEnd(24), "for"].join(
      "  ",
    );
    const text = rows.length === 0 ? "There are no tokens. `plinth-registry token create` makes one." : [head, ...rows].join("\n");
    return { text, data: { tokens } };
  });
}

export async function revokeToken(values: Values, [id]: readonly string[]): Promise<Result> {
  return withStorage(values, async (storage) => {
    const tokens = tokensOf(storage);
    const line = (await tokens.list()).filter(({ lineage, token }) => lineage.includes(id!) && token.revokedAt === undefined);
    if (await tokens.revoke(id!)) {
      const more = line.length > 1 ? `, and ${line.length - 1} made from it` : "";
      return {
        text: `The token ${id} is revoked${more}.`,
        data: { revoked: id, with: line.map(({ token }) => token.id).filter((one) => one !== id) },
      };
    }
    throw new PlinthError("PLINTH_NOT_FOUND", `There is no token ${id} that is in force.`, { next: "Run `plinth-registry token list`." });
  });
}

/** Make what the registry signs of its own whole again. */
export async function repair(values: Values, _words: readonly string[], out: Output): Promise<Result> {
  const { dir, keys } = foldersOf(values);
  const trust = await trustOf(dir, keys, out);
  const lost = await trust?.repair();
  const data = { repaired: lost !== undefined, lost: lost ?? [], damaged: trust?.damaged ?? [] };
  if (lost === undefined) return { text: "There is nothing to mend in the feed of advisories.", data };
  const lines = ["The feed of advisories is whole again, and signed."];
  if (lost.length > 0) lines.push(`lost: ${lost.join(", ")}`, "next: Publish these advisories again; their text was not in the file any more.");
  return { text: lines.join("\n"), data };
}

export async function addOwner(values: Values, [publisher, wished]: readonly string[]): Promise<Result> {
  const user = userName(wished!);
  return withStorage(values, async (storage) => {
    await registerKnownPublishers(foldersOf(values).dir, storage, Date.now);
    if ((await storage.publishers.find(publisher!)) === undefined) {
      throw new PlinthError("PLINTH_PUBLISHER_UNKNOWN", `No publisher named ${publisher} is registered here.`, {
        next: "It is registered with its key, over HTTP or by publishing into the folder.",
      });
    }
    // The name is the user's from now on: nobody else can come by it.
    await storage.users.claim({ name: user, proof: "operator", createdAt: new Date().toISOString() });
    await storage.publishers.addOwner(publisher!, user);
    return { text: `${user} is an owner of ${publisher}.`, data: { publisher, user } };
  });
}

export async function reindexFolder(values: Values): Promise<Result> {
  return withStorage(values, async (storage) => {
    const done = await reindex(foldersOf(values).dir, storage);
    return { text: `${done.packages} packages with ${done.versions} versions are indexed.`, data: done };
  });
}

function foldersOf(values: Values): { dir: string; dataDir: string; keys: string } {
  const dir = resolve(values.dir ?? "registry");
  const dataDir = resolve(values.data ?? `${dir}-data`);
  return { dir, dataDir, keys: join(dataDir, "keys") };
}

async function withStorage<T>(values: Values, body: (storage: Storage) => Promise<T>): Promise<T> {
  const { dir, dataDir } = foldersOf(values);
  if (!existsSync(join(dir, ROOT_FILE))) {
    throw new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `There is no registry in ${dir}.`, {
      next: "Make one with `plinth-registry init`, or name its folder with --dir.",
    });
  }
  const storage = await openConfiguredStorage(dataDir, databaseOf(values));
  try {
    return await body(storage);
  } finally {
    await storage.close();
  }
}

const databaseOf = (values: Values): string | undefined => values.database ?? process.env.PLINTH_REGISTRY_DATABASE;

const tokensOf = (storage: Storage): Tokens => new Tokens(storage, Date.now);

function userName(text: string): string {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(text)) return text;
  throw wrong("A user's name (--user) has lower-case letters, digits, dots and dashes, 64 at most.");
}

function numberOf(text: string | undefined, name: string, otherwise: number, most: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw wrong(`--${name} takes a number from 0 to ${most}.`);
}

function wrong(message: string): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: "Run `plinth-registry --help`." });
}
