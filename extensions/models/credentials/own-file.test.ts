import { chmod, readdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TokenServer, tokenServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type House, house, signedIn } from "./house.testing.ts";

let server: TokenServer;
let made: House;
beforeEach(async () => {
  server = await tokenServer();
  const { deviceUrl, tokenUrl } = server;
  made = await house({ auth: [{ kind: "oauth", deviceUrl, tokenUrl, clientId: "plinth" }], secrets: () => ["OTHER_KEY"] });
  await signedIn(made.credentials);
});
afterEach(async () => {
  await made.host.close();
  await server.close();
});

const folder = () => join(made.host.home, "state/plinth.credentials");
const profiles = () => join(folder(), "profiles.json");
const tokens = async () => join(folder(), "tokens", (await readdir(join(folder(), "tokens"))).find((name) => name.endsWith(".json"))!);
const list = () => made.credentials.list({ vendor: "acme" });
const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

describe.skipIf(process.platform === "win32")("a file of credentials", () => {
  it("that others can read is made its owner's alone, and is used", async () => {
    await chmod(profiles(), 0o644);
    await chmod(await tokens(), 0o644);
    expect(await list()).toMatchObject({ credentials: [{ id: "acme:default", reason: "ok" }] });
    expect([await modeOf(profiles()), await modeOf(await tokens())]).toEqual([0o600, 0o600]);
  });

  it.each([0o666, 0o620, 0o602])("of profiles that others can write (%o) is not believed: it names programs that are run", async (mode) => {
    const kept = JSON.parse(await readFile(profiles(), "utf8"));
    const ran = join(made.host.home, "ran");
    const planted = { id: "other:x", vendor: "other", of: "test.other", kind: "key", from: { command: ["touch", ran] } };
    await writeFile(profiles(), JSON.stringify({ ...kept, profiles: [...kept.profiles, planted] }));
    await chmod(profiles(), mode);
    const chosen = made.credentials.choose({ vendor: "other" });
    await expect(chosen).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_FILE", next: expect.stringContaining("chmod 600") });
    await expect(stat(ran)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(made.credentials.order({ vendor: "other", ids: [] }), "and it is not written over").rejects.toMatchObject({
      code: "PLINTH_CREDENTIAL_FILE",
    });
    expect(await modeOf(profiles())).toBe(mode);
  });

  it("of tokens that others can write is no sign-in", async () => {
    await chmod(await tokens(), 0o666);
    expect(await list()).toMatchObject({ credentials: [{ reason: "sign-in" }] });
    await signedIn(made.credentials);
    expect([await modeOf(await tokens()), (await list()).credentials[0].reason]).toEqual([0o600, "ok"]);
  });

  it("that is a link is not followed", async () => {
    await rename(profiles(), join(made.host.home, "elsewhere.json"));
    await symlink(join(made.host.home, "elsewhere.json"), profiles());
    await expect(list()).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_FILE" });
  });
});
