import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FileAccess } from "./file-access.ts";

let top: string;
let home: string;
let files: FileAccess;
beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), "plinth-places-")));
  home = join(top, "home/.plinth");
  for (const name of ["state/acme.x", "state/acme.other", "workspace/project"]) await mkdir(join(home, name), { recursive: true });
  await mkdir(join(top, "plain"));
  await writeFile(join(home, "token"), "the owner's");
  files = new FileAccess(home);
});
afterEach(async () => {
  files.close();
  await rm(top, { recursive: true, force: true });
});

const list = (path: string, name = path): Promise<string> =>
  files.request({ extension: "acme.x", folders: [{ name, path, write: false }], request: { op: "list", path } }).then(
    () => "listed",
    (thrown) => thrown.code,
  );

it("refuses a folder that is the home, holds it, or lies in it, by whatever name it is reached", async () => {
  await symlink(home, join(top, "link"));
  for (const path of [home, dirname(home), top, "/", join(home, "state"), join(home, "state/acme.other"), join(top, "link")])
    expect([path, await list(path)]).toEqual([path, "PLINTH_FOLDER"]);
  expect(await list(join(home, "state/acme.x"), "data")).toBe("listed");
  expect(await list(join(home, "workspace"), "workspace")).toBe("listed");
  expect(await list(join(home, "workspace/project"))).toBe("listed");
  expect(await list(join(top, "plain"))).toBe("listed");
});

it.runIf(process.platform === "linux")("refuses what is the system's: processes, devices, sockets, settings of the kernel", async () => {
  await symlink("/proc/self/root", join(top, "out"));
  const system = ["/proc", "/proc/self", "/sys", "/sys/kernel", "/dev", "/dev/shm", "/run", join(top, "out"), join(top, "out/proc")];
  for (const path of system.filter((one) => existsSync(one))) expect([path, await list(path)]).toEqual([path, "PLINTH_FOLDER"]);
});

it("refuses a folder that became a link to the home, also after it was used", async () => {
  expect(await list(join(top, "plain"))).toBe("listed");
  files.close();
  await rename(join(top, "plain"), join(top, "was"));
  await symlink(home, join(top, "plain"));
  expect(await list(join(top, "plain"))).toBe("PLINTH_FOLDER");
  await rename(join(home, "state/acme.x"), join(top, "moved"));
  await symlink(join(home, "state/acme.other"), join(home, "state/acme.x"));
  expect(await list(join(home, "state/acme.x"), "data")).toBe("PLINTH_FOLDER");
});

it("opens the same folder anew for whom it was granted for another reason", async () => {
  const data = join(home, "state/acme.x");
  expect(await list(data, "data")).toBe("listed");
  expect(await list(data)).toBe("PLINTH_FOLDER");
});
