import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { Profiles } from "./profiles.ts";

let folder = "";
afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = (id: string) => ({
  ...{ version: 1 as const, orders: {}, agents: {} },
  profiles: [{ id, vendor: "v", of: "plinth.v", kind: "key" as const, from: { secret: "S" } }],
});

it("sees what others wrote into the file, in its place and without another size or time", async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-profiles-"));
  const file = join(folder, "profiles.json");
  const [here, elsewhere] = [new Profiles(folder), new Profiles(folder)];
  const ids = async () => (await here.read()).profiles.map(({ id }) => id);
  expect(await ids()).toEqual([]);
  await elsewhere.change(() => kept("v:one"));
  expect(await ids()).toEqual(["v:one"]);
  await elsewhere.change(() => kept("v:two"));
  expect(await ids()).toEqual(["v:two"]);
  // An editor that writes in place, within one tick of the clock.
  for (const id of ["v:abc", "v:def", "v:ghi"]) {
    await writeFile(file, JSON.stringify(kept(id)));
    expect(await ids()).toEqual([id]);
  }
  const old = new Date(Date.now() - 60_000);
  for (const id of ["v:jkl", "v:mno"]) {
    await writeFile(file, JSON.stringify(kept(id)));
    await utimes(file, old, old);
    expect(await ids()).toEqual([id]);
    expect(await ids()).toEqual([id]);
  }
  await rm(file);
  expect(await ids()).toEqual([]);
});

it("a file that cannot be read as what it was written as is refused each time", async () => {
  folder = await mkdtemp(join(tmpdir(), "plinth-profiles-"));
  await writeFile(join(folder, "profiles.json"), "{");
  const old = new Date(Date.now() - 60_000);
  await utimes(join(folder, "profiles.json"), old, old);
  const profiles = new Profiles(folder);
  await expect(profiles.read()).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_FILE" });
  await expect(profiles.read()).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_FILE" });
});
