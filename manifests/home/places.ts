import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Manifest } from "../schema/extension.ts";
import { PlinthError } from "../wire/error.ts";

/**
 * Before anybody is asked to consent: throws `PLINTH_FOLDER` where a manifest asks for a folder that holds the home of this
 * host, or lies in it. What is really opened is looked at again when it is opened: by then a name may lead elsewhere.
 */
export function assertFoldersGrantable({ id, permissions }: Manifest, home: string): void {
  const own = real(home);
  for (const entry of permissions?.fs ?? []) {
    if (!entry.startsWith("/")) continue;
    const folder = entry.replace(/:ro$/, "");
    const there = real(folder);
    if (within(there, own)) throw folderRefused(id, folder, "it holds the home of this host");
    if (within(own, there) && !within(join(own, "workspace"), there)) throw folderRefused(id, folder, "it lies in the home of this host");
  }
}

export const folderRefused = (extension: string, folder: string, why: string): PlinthError =>
  new PlinthError("PLINTH_FOLDER", `${extension} may not have the folder ${JSON.stringify(folder.slice(0, 200))}: ${why}.`, {
    extension,
    next: `Without that folder it may run: plinth config set 'extensions["${extension}"].grants.fs' '["data"]'. Or move the home (PLINTH_HOME).`,
  });

/** Whether a path is a folder or lies in it; by their words. */
export const within = (folder: string, path: string): boolean => path === folder || path.startsWith(folder.endsWith("/") ? folder : `${folder}/`);

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
