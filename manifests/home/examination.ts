import { readdirSync, realpathSync, type Stats } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { PlinthError } from "../wire/error.ts";
import { accessOf, entryAt, modeText, OTHERS, ownUser, parentAccess, targetOf } from "./access.ts";
import { isGiven } from "./given-users.ts";

/** How another user could get at the home. */
export interface HomeFinding {
  /**
   * `PLINTH_HOME_OPEN`: others can write it. `PLINTH_HOME_FOREIGN`: it is another user's. `PLINTH_HOME_READABLE`: others can read it.
   * `PLINTH_HOME_UNUSABLE`: it is no folder.
   */
  code: "PLINTH_HOME_UNUSABLE" | "PLINTH_HOME_OPEN" | "PLINTH_HOME_FOREIGN" | "PLINTH_HOME_READABLE";
  /** With a problem nothing starts; a notice is only told. */
  severity: "problem" | "notice";
  path: string;
  /** A sentence. */
  message: string;
  next: string;
  /** Whether `plinth doctor --fix` may mend it. */
  mendable: boolean;
}

/** Files that say what runs and what it may do, and those that hold secrets, are found wherever they lie in these. */
const EXAMINED = ["", "state", "state/plinth.gateway"];
/** Whose files are opened without following a link, so that what a link leads to is of no interest. */
const UNFOLLOWED = "state/plinth.gateway";
/** Yours to share. */
const WORKSPACE = "workspace";
/** Looked at before it is used, and thrown away when others could write it. */
const CACHE = "cache";
const SECRET = new Set(["secrets.json", "state/plinth.gateway/token", "state/plinth.gateway/running.json"]);
/** Folders of third parties below `state` are their own affair: nobody reaches them while `state` is private. */
const OWN_STATE = "plinth.";

/**
 * Everything about the home folder by which another user of this machine could steer what runs here. Reads only names
 * and modes; a home that is not there yet is as good as the folders above it.
 */
export function examineHome(home: string, user = ownUser()): HomeFinding[] {
  const root = targetOf(home);
  // What is no folder is nobody's home: how it may be changed is not asked, and nothing of it is mended.
  if (root !== undefined && !root.isDirectory()) return [noFolder(home)];
  if (user === undefined) return [];
  const found = aboveHome(home, user);
  if (root === undefined) return found;
  // Root's own home is root's alone; everybody else's is theirs alone.
  if (root.uid !== user) return [...found, foreign(home, root, user)];
  for (const folder of EXAMINED) {
    if (folder === "") found.push(...judge(home, home, root, user));
    for (const name of entriesOf(join(home, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (path === WORKSPACE || path === CACHE || (folder === "state" && !name.startsWith(OWN_STATE))) continue;
      const stat = entryAt(join(home, path));
      if (stat === undefined || (folder === "state" && !EXAMINED.includes(path) && isExtensions(stat, user))) continue;
      found.push(...judge(home, join(home, path), stat, user, { secret: SECRET.has(path), follow: folder !== UNFOLLOWED }));
    }
  }
  return found;
}

/** Where the host is root, an extension in a process of its own is another user, and so is its folder: nobody else reaches it below `state`. */
const isExtensions = (stat: Stats, user: number): boolean => user === 0 && stat.isDirectory() && stat.uid !== 0 && isGiven(stat.uid);

/** @throws PLINTH_HOME_OPEN, PLINTH_HOME_FOREIGN, PLINTH_HOME_UNUSABLE. */
export function assertPrivateHome(home: string): void {
  const [first, ...more] = examineHome(home).filter(({ severity }) => severity === "problem");
  if (first === undefined) return;
  const rest = more.length > 0 ? ` So are ${more.length} more.` : "";
  throw new PlinthError(first.code, `${first.message}${rest}`, { next: first.next });
}

function judge(home: string, path: string, stat: Stats, user: number, { secret = false, follow = true } = {}): HomeFinding[] {
  const target = stat.isSymbolicLink() && follow ? targetOf(path) : stat;
  for (const one of target === undefined ? [stat] : [stat, target]) {
    const access = accessOf(one, user);
    if (access === "foreign") return [foreign(path, one, user)];
    if (access === "open") return [open(path, one, stat.isSymbolicLink())];
  }
  const readable = target !== undefined && !stat.isSymbolicLink() && (target.mode & OTHERS) !== 0;
  return readable && (secret || path === home) ? [readableByOthers(path, target, secret)] : [];
}

/** Whoever can rename a folder above the home can put another home in its place. */
function aboveHome(home: string, user: number): HomeFinding[] {
  const paths = new Set([...ancestors(home), ...ancestors(realOf(home))]);
  const found: HomeFinding[] = [];
  for (const path of paths) {
    const stat = entryAt(path);
    const access = stat === undefined ? "private" : parentAccess(stat, user);
    if (stat === undefined || access === "private") continue;
    const who = access === "foreign" ? `It belongs to user ${stat.uid}` : `Others can write it (mode ${modeText(stat)})`;
    found.push({
      code: access === "foreign" ? "PLINTH_HOME_FOREIGN" : "PLINTH_HOME_OPEN",
      severity: "problem",
      path,
      message: `The home folder ${home} can be replaced by others through ${path}: ${who[0]?.toLowerCase()}${who.slice(1)}.`,
      next: `Choose a home in a folder of your own (PLINTH_HOME=DIR)${access === "open" ? `, or run: chmod go-w ${path}` : ""}.`,
      mendable: false,
    });
  }
  return found;
}

function ancestors(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...ancestors(above)];
}

function realOf(home: string): string {
  try {
    return realpathSync(home);
  } catch {
    return resolve(home);
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

const noFolder = (path: string): HomeFinding => ({
  code: "PLINTH_HOME_UNUSABLE",
  severity: "problem",
  path,
  message: `The home folder ${path} cannot be used: it is not a folder.`,
  next: "Choose a folder that you may write: PLINTH_HOME=DIR",
  mendable: false,
});

const foreign = (path: string, { uid }: Stats, user: number): HomeFinding => ({
  code: "PLINTH_HOME_FOREIGN",
  severity: "problem",
  path,
  message: `${path} belongs to user ${uid}, and this is user ${user}.`,
  next: `Run this as user ${uid}, or use a home of your own (PLINTH_HOME=DIR). If it should be yours, look at what is in it, then change its owner.`,
  mendable: false,
});

const open = (path: string, stat: Stats, isLink: boolean): HomeFinding => ({
  code: "PLINTH_HOME_OPEN",
  severity: "problem",
  path,
  message: `Other users can write ${path} (mode ${modeText(stat)}${isLink ? " of what it leads to" : ""}), and so decide what runs here.`,
  next: isLink ? `Look through it, then run: chmod go-w ${path}` : "Run `plinth doctor --fix`, and look through what it names.",
  mendable: !isLink,
});

const readableByOthers = (path: string, stat: Stats, secret: boolean): HomeFinding => ({
  code: "PLINTH_HOME_READABLE",
  severity: "notice",
  path,
  message: `Other users can ${secret ? "read" : "look into"} ${path} (mode ${modeText(stat)}).`,
  next: "Run `plinth doctor --fix`.",
  mendable: true,
});
