import { closeSync, constants, fstatSync, openSync, readlinkSync, realpathSync, type Stats, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { folderRefused, within } from "@plinth/manifests/home/places.ts";
import type { GrantedFolder } from "./granted-path.ts";
import { type Lending, lend } from "./lending.ts";
import type { OwnUser } from "./own-user.ts";
import type { Folder } from "./room.ts";

/** Sockets of the system's services, devices, and what the kernel says and takes. */
const SYSTEM = ["/proc", "/sys", "/dev", "/run"];
/** The same wherever it is mounted: numbers of Linux's file systems that are no files. */
const KERNELS = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x1cd1, // devpts
  0x73636673, // securityfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x62656570, // configfs
  0x6e736673, // nsfs
  0xcafe4a11, // bpf
  0x27e0eb, // cgroup, cgroup2
  0x63677270,
  0xf97cff8c, // selinux
  0xde5e81e4, // efivarfs
]);
const PATH_ONLY = process.platform === "linux" ? 0o10000000 : 0;
const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0 } = constants;

/** A granted folder as it was found: whatever happens to its path from now on, this is what was looked at. */
export interface HeldFolder extends Folder {
  /** Open here; for whoever takes it over, closed after that. */
  readonly fd: number;
  lent: Lending | null;
}

/**
 * Open granted folders for a process of `user`. What may not be granted throws `PLINTH_FOLDER`; what is not there is left out.
 *
 * @param lends whether the wall can lend folders of others to that user.
 * @param home of this host; no folder may hold it, lie in it (but for its workspace) or be another extension's.
 */
export async function holdFolders(
  extension: string,
  home: string,
  granted: readonly GrantedFolder[],
  user: OwnUser | null,
  lends: boolean,
): Promise<HeldFolder[]> {
  const held: HeldFolder[] = [];
  try {
    for (const folder of granted) {
      const fd = opened(folder);
      if (fd === null) continue;
      const { path, write } = folder;
      const entry = { path, write, fd, lent: null as Lending | null };
      held.push(entry);
      assertGrantable(extension, home, folder, fd);
      const { uid, gid } = fstatSync(fd);
      if (user !== null && lends && uid !== user.uid) entry.lent = await lend(extension, path, { uid, gid }, user);
    }
    return held;
  } catch (thrown) {
    releaseFolders(held);
    throw thrown;
  }
}

export function releaseFolders(held: readonly HeldFolder[]): void {
  for (const { fd, lent } of held) for (const one of lent === null ? [fd] : [fd, lent.mapping]) closeSync(one);
}

function opened({ path }: GrantedFolder): number | null {
  try {
    return openSync(realpathSync(path), PATH_ONLY | O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch {
    return null;
  }
}

/** Throws where the folder behind a descriptor is none that anybody may grant. */
export function assertGrantable(extension: string, home: string, { name, path }: GrantedFolder, fd: number): void {
  const why = refusal(home, name, path, fd);
  if (why !== null) throw folderRefused(extension, path, why);
}

function refusal(home: string, name: string, path: string, fd: number): string | null {
  // Elsewhere descriptors have no names: what the path leads to now has to do.
  const at = process.platform === "linux" ? `/proc/self/fd/${fd}` : realpathSync(path);
  const real = process.platform === "linux" ? readlinkSync(at) : at;
  const [ownHome, found] = [realpathSync(home), statSync(at)];
  // The host makes that one itself, and there it is no link.
  if (name === "data") return real === join(realpathSync(dirname(path)), basename(path)) ? null : "it leads elsewhere";
  const system = SYSTEM.find((place) => within(place, real) || within(real, place));
  if (system !== undefined) return within(system, real) ? `it is a part of the system (${system})` : `it holds ${system}`;
  if (process.platform === "linux" && KERNELS.has(Number(statfsSync(at).type))) return "it is no folder of files, but the kernel's";
  if (holders(ownHome).some((one) => one.dev === found.dev && one.ino === found.ino)) return "it holds the home of this host";
  if (within(ownHome, real) && !within(join(ownHome, "workspace"), real)) return "it lies in the home of this host";
  return null;
}

/** A folder and all those that hold it, by what they are: the same folder may have several names. */
function holders(folder: string): Stats[] {
  const found = [statSync(folder)];
  for (let at = folder; at !== dirname(at); at = dirname(at)) found.push(statSync(dirname(at)));
  return found;
}
