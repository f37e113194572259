import { chmodSync, readdirSync, readFileSync, renameSync, rmSync, type Stats, writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryAt, OTHERS, ownUser } from "./access.ts";
import { draftOf } from "./atomic-file.ts";
import { examineHome, type HomeFinding } from "./examination.ts";

export interface Mended {
  /** What was done, a sentence each. */
  done: string[];
  /** What is left, which only its owner can decide. */
  left: HomeFinding[];
}

/** Its manifests are read anew from the content store, whose every file is checked against its digest. */
const INSTALLED = "installed.json";
/** Where earlier versions kept them. */
const INDEX = "index.json";
/** Code that was compiled before; made again as it is needed. */
const CACHES = ["cache", "state/plinth.tier-isolate"];
const TOKEN = "state/plinth.gateway/token";
/** It holds the token as well. */
const RUNNING = "state/plinth.gateway/running.json";
/** Yours to share, and what is being removed. */
const LEFT_ALONE = ["workspace", "trash"];
/** An extension may have nested its data however deep: behind a closed folder the rest needs no closing. */
const DEPTH = 32;
const ENTRIES = 200_000;

/**
 * Close the home to others: folders to 0700, files to 0600, never looser than they were. What others could have changed
 * and is made again by itself (manifests, caches, the gateway's token) is removed, the rest is named so that its owner looks
 * through it. Modes of folders above the home, of other people's files and of what links lead to are left alone.
 */
export function mendHome(home: string, user = ownUser()): Mended {
  const before = examineHome(home, user);
  // Behind a folder that others can rename nothing is certain to be what it was a moment ago.
  if (user === undefined || before.some(({ path, mendable }) => !mendable && home.startsWith(path))) return { done: [], left: before };
  const root = entryAt(home);
  if (root === undefined || root.isSymbolicLink()) return { done: [], left: before };
  const wasOpen = before.some(({ path, code }) => path === home && code === "PLINTH_HOME_OPEN");
  const done: string[] = [];
  // From the top down: once a folder is closed, nobody else can change what lies in it while it is looked at.
  const count = { closed: 0, left: ENTRIES };
  closeTree(home, root, user, count, DEPTH, LEFT_ALONE);
  if (before.some(({ path }) => path === join(home, TOKEN) || path === join(home, RUNNING))) {
    rmSync(join(home, TOKEN), { force: true });
    done.push("Removed the gateway's token, which others could get at: the next start makes a new one. Restart a running gateway.");
  }
  for (const { path, code } of before) {
    if (path === join(home, TOKEN) || path === join(home, RUNNING)) continue;
    if (path === join(home, INSTALLED) || path === join(home, INDEX)) {
      forgetManifests(home);
      done.push(
        `Closed ${path}, which others could write: what installed extensions declare is read anew; look through what is granted (plinth grants).`,
      );
    } else if (path !== home && code === "PLINTH_HOME_OPEN") done.push(`Closed ${path}, which others could write: look through it.`);
    else if (path !== home && code === "PLINTH_HOME_READABLE") done.push(`Closed ${path}, which others could read: change the secrets in it.`);
  }
  if (wasOpen) {
    forgetManifests(home);
    for (const cache of CACHES) rmSync(join(home, cache), { recursive: true, force: true });
    done.unshift(
      "Closed the home folder, which others could write: look through plinth.json, secrets.json and what is granted (plinth grants). Caches were removed.",
    );
  } else if (before.some(({ path }) => path === home)) done.unshift("Closed the home folder to others, who could look into it.");
  if (count.closed > 0) done.push(`Taken from others: ${count.closed} files and folders.`);
  return { done, left: examineHome(home, user) };
}

function forgetManifests(home: string): void {
  rmSync(join(home, INDEX), { force: true });
  const file = join(home, INSTALLED);
  let document: object;
  try {
    document = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // None, or one that the next start sets aside.
    return;
  }
  const draft = draftOf(file);
  writeFileSync(draft, JSON.stringify({ ...document, records: [] }), { mode: 0o600, flag: "wx" });
  renameSync(draft, file);
}

function closeTree(
  path: string,
  stat: Stats,
  user: number,
  count: { closed: number; left: number },
  depth: number,
  except: readonly string[] = [],
): void {
  if (stat.isSymbolicLink() || stat.uid !== user || depth === 0 || --count.left < 0) return;
  const wanted = (stat.mode & 0o7777 & ~OTHERS) | (stat.isDirectory() ? 0o700 : 0o600);
  try {
    if ((stat.mode & 0o7777) !== wanted) {
      chmodSync(path, wanted);
      count.closed += 1;
    }
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path)) {
      const inside = entryAt(join(path, name));
      if (inside !== undefined && !except.includes(name)) closeTree(join(path, name), inside, user, count, depth - 1);
    }
  } catch {
    // Gone meanwhile, or a name that cannot be said: what matters is examined again at the end.
  }
}
