import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { lchown, lstat, opendir } from "node:fs/promises";
import { givenIds, type Span } from "@plinth/manifests/home/given-users.ts";
import { PlinthError } from "../errors.ts";

/** A user of the system with nothing but a number: no name, no login, no group of others. */
export interface OwnUser {
  readonly uid: number;
  readonly gid: number;
}

const LARGEST = 4_294_967_294;

const taken = new Map<number, string>();

/** Whether this process is the system's administrator, or one of a container that has users of its own. */
export const isRoot = (): boolean => process.getuid?.() === 0 && mapped().some(({ first, last }) => last > first || first > 0);

/**
 * The user that an extension's processes are, where the host is root; null where it is not: then they are the host's own
 * user, behind the same walls. Its folder says which: who owns it, if that is an id of the range. Otherwise it gets an id
 * that nobody here has, and its folder with it. Throws `PLINTH_ROOT` where there is none to give.
 *
 * @param who the extension, or whoever else is not to share an id with another.
 */
export async function ownUser(who: string, dataDir: string | null): Promise<OwnUser | null> {
  if (!isRoot()) return null;
  const spans = idsHere(who);
  const owner = dataDir === null ? null : await lstat(dataDir).catch(() => null);
  const before = owner !== null && within(spans, owner.uid) && owner.gid === owner.uid ? owner.uid : undefined;
  const holder = before === undefined ? undefined : taken.get(before);
  const uid = before !== undefined && (holder === undefined || holder === who) ? before : fresh(who, spans);
  taken.set(uid, who);
  const user = { uid, gid: uid };
  if (dataDir !== null && owner !== null && owner.uid !== uid) await give(dataDir, user);
  return user;
}

/** For what ended: nobody else was given the id meanwhile. */
export const userEnded = (user: OwnUser | null): void => void (user !== null && taken.delete(user.uid));

function fresh(who: string, spans: readonly Span[]): number {
  for (let tries = 0; tries < 1_000; tries++) {
    const { first, last } = spans[randomInt(spans.length)] as Span;
    const uid = randomInt(first, last + 1);
    if (!taken.has(uid)) return uid;
  }
  throw noUser(who, "every user id of its range is in use");
}

/** The ids to give, as far as this process may become them. */
function idsHere(who: string): Span[] {
  const asked = process.env.PLINTH_USER_IDS ?? "";
  for (const one of givenIds(asked)) {
    const here = mapped().flatMap((span) => {
      const both = { first: Math.max(span.first, one.first), last: Math.min(span.last, one.last) };
      return both.first <= both.last ? [both] : [];
    });
    if (here.length > 0) return here;
  }
  throw noUser(who, asked === "" ? "it has no user ids to give" : `PLINTH_USER_IDS is ${JSON.stringify(asked)}`);
}

/** The ids that exist for this process. */
function mapped(): Span[] {
  try {
    const lines = readFileSync("/proc/self/uid_map", "utf8").trim().split("\n");
    return lines.map((line) => {
      const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
      return { first, last: first + count - 1 };
    });
  } catch {
    // A system without such maps has all of them.
    return [{ first: 0, last: LARGEST }];
  }
}

const within = (spans: readonly Span[], id: number): boolean => spans.some(({ first, last }) => id >= first && id <= last);

/** Its folder and all in it. A file with another name too may be somebody else's under that one: it stays whose it is. */
async function give(folder: string, user: OwnUser): Promise<void> {
  const { uid, gid } = user;
  const open: Buffer[] = [Buffer.from(folder)];
  for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
    for await (const entry of await opendir(dir as unknown as string, { encoding: "buffer" as BufferEncoding })) {
      const path = Buffer.concat([dir, Buffer.from("/"), entry.name as unknown as Buffer]);
      const found = await lstat(path).catch(() => null);
      if (found?.isDirectory()) open.push(path);
      else if (found?.nlink === 1) await lchown(path, uid, gid);
    }
    await lchown(dir, uid, gid);
  }
}

export const noUser = (extension: string, why: string): PlinthError =>
  new PlinthError("PLINTH_ROOT", `${extension} was not started: this host runs as root, and cannot put it under a user id of its own (${why}).`, {
    extension,
    next: "Run the host as a user of its own (docs/operating.md, As a service), or let it keep CAP_SETUID, CAP_SETGID and CAP_SYS_ADMIN.",
  });
