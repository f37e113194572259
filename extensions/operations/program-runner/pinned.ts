import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PlinthError } from "@plinth/sdk";
import type { Input } from "./requests.ts";

type Pinned = NonNullable<Input["pinned"]>;

/** Whatever is larger is another program than it was. */
const MAX_BYTES = 1024 ** 3;
/** Its copy's mode: everybody's to run, nobody's to change. */
const RUNNABLE = 0o555;
/** What it may be told besides: any other variable may steer it, into showing what it was given. */
const HARMLESS = new Set(["HOME", "TMPDIR", "LANG", "TZ"]);

/**
 * The program as an owner pinned it, for one that is given secrets: a copy that only the host can change, to run in its place.
 * Throws where it was not pinned, or is another one by now.
 *
 * @param path of the program.
 * @param folder where copies are kept, the host's own.
 */
export async function pinnedCopy(
  extension: string,
  path: string,
  { programs, variables }: Pinned,
  env: Readonly<Record<string, string>>,
  folder: string,
): Promise<string> {
  const more = Object.keys(env).find((name) => !variables.includes(name) && !HARMLESS.has(name));
  if (more !== undefined) throw refused(extension, `set ${more.slice(0, 100)} beside a secret for a program`, "Leave it out.");
  const pins = programs.filter(({ program }) => program === path);
  if (pins.length === 0)
    throw refused(extension, `give ${path} a secret: it was not pinned`, `If it may have it: plinth grants pin ${extension} ${path} --secret NAME`);
  await mkdir(folder, { recursive: true });
  // Where the host is root, the program is another user; what a file is made with is less the host's umask.
  await chmod(folder, 0o711);
  const draft = join(folder, `${randomUUID()}.draft`);
  try {
    const sha256 = await copied(path, draft);
    if (!pins.some((pin) => pin.sha256 === sha256))
      throw refused(
        extension,
        `give ${path} a secret: it is not the program any more that was pinned`,
        `See what changed it. If it may have it: plinth grants pin ${extension} ${path} --secret NAME`,
      );
    const place = join(folder, sha256);
    // One that is there may be running; it has these very bytes.
    if ((await stat(place).catch(() => null)) === null) await rename(draft, place);
    else await chmod(place, RUNNABLE);
    return place;
  } finally {
    await rm(draft, { force: true });
  }
}

/** What is hashed is what is written. Resolves to its SHA-256. */
async function copied(path: string, to: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(to, "wx");
  try {
    await file.chmod(RUNNABLE);
    // What grows while it is read is no program.
    for await (const chunk of createReadStream(path, { end: MAX_BYTES }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

const refused = (extension: string, what: string, next: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not ${what}.`, { extension, next });
